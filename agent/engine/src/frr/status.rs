//! What ospfd and isisd say of their neighbours.

use serde_json::Value;

use super::Protocol;
use crate::Neighbour;

/// The question.
pub(super) const fn neighbours_command(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Ospf => "show ip ospf neighbor json",
        Protocol::Isis => "show isis neighbor json",
    }
}

/// The answer, read.
pub(super) fn neighbours(protocol: Protocol, answer: &str) -> Result<Vec<Neighbour>, String> {
    let json: Value = serde_json::from_str(answer).map_err(|e| e.to_string())?;
    match protocol {
        Protocol::Ospf => ospf(&json),
        Protocol::Isis => isis(&json),
    }
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn ospf(json: &Value) -> Result<Vec<Neighbour>, String> {
    let by_id = json.get("neighbors").and_then(Value::as_object).ok_or("it has no object `neighbors`")?;
    let of = |id: &str, entry: &Value| {
        let state = text(entry, "nbrState");
        Neighbour {
            id: id.to_owned(),
            // "eth1:100.65.0.2"
            interface: text(entry, "ifaceName").split(':').next().unwrap_or_default().to_owned(),
            adjacent: state.starts_with("Full"),
            state,
        }
    };
    let entries = by_id.iter().flat_map(|(id, entries)| {
        entries.as_array().map(Vec::as_slice).unwrap_or_default().iter().map(move |entry| of(id, entry))
    });
    Ok(entries.collect())
}

fn isis(json: &Value) -> Result<Vec<Neighbour>, String> {
    let areas = json.get("areas").and_then(Value::as_array).ok_or("it has no list `areas`")?;
    let circuits = areas.iter().filter_map(|area| area.get("circuits").and_then(Value::as_array)).flatten();
    // Circuits without a neighbour, such as the loopback's, are listed too.
    let neighbours = circuits.filter(|circuit| circuit.get("adj").is_some()).map(|circuit| {
        let state = text(circuit, "state");
        Neighbour {
            id: text(circuit, "adj"),
            interface: text(circuit, "interface"),
            adjacent: state == "Up",
            state,
        }
    });
    Ok(neighbours.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn full_and_up_neighbours_are_adjacent_and_others_are_not() {
        let ospf = r#"{"neighbors":{"100.64.0.2":[{"nbrState":"Full\/-","ifaceName":"eth1:100.65.0.2"}],
            "100.64.0.3":[{"nbrState":"Init\/-","ifaceName":"eth2:100.65.0.4"}]}}"#;
        let read = neighbours(Protocol::Ospf, ospf).unwrap();
        assert_eq!(
            read.iter().map(|n| (n.interface.as_str(), n.adjacent)).collect::<Vec<_>>(),
            [("eth1", true), ("eth2", false)]
        );
        let isis = r#"{"areas":[{"area":"braid","circuits":[{"circuit":0,"adj":"b","interface":"eth1","level":2,
            "state":"Up"},{"circuit":0}]}]}"#;
        let read = neighbours(Protocol::Isis, isis).unwrap();
        assert_eq!(read.len(), 1);
        assert!(read[0].adjacent);
    }

    proptest! {
        #[test]
        fn nothing_that_a_daemon_says_makes_us_panic(answer in ".{0,300}", number in any::<i64>()) {
            for protocol in [Protocol::Ospf, Protocol::Isis] {
                let _ = neighbours(protocol, &answer);
                let _ = neighbours(protocol, &format!(r#"{{"areas":[{number}],"neighbors":{{"x":{number}}}}}"#));
            }
        }
    }
}
