//! Lists in pages, in the manner of AIP-158.

use crate::{error::ApiError, view::Row};

/// The size of a page unless asked for otherwise, and the largest.
const MAX_PAGE: u32 = 1000;

/// One page of `rows`, and the token of the next one (empty after the last).
///
/// A token holds the sort key of the page's last row, so what comes and goes between two calls neither repeats nor hides
/// other rows.
///
/// # Errors
/// When the token is not one of this list.
pub(super) fn page<T>(
    list: &str,
    mut rows: Vec<Row<T>>,
    page_size: u32,
    page_token: &str,
) -> Result<(Vec<T>, String), ApiError> {
    let size = if page_size == 0 { MAX_PAGE } else { page_size.min(MAX_PAGE) };
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    rows.sort_by(|(a, _), (b, _)| a.cmp(b));
    if !page_token.is_empty() {
        let last = key_of(list, page_token).ok_or(ApiError::PageToken)?;
        rows.drain(..rows.partition_point(|(key, _)| *key <= last));
    }
    let more = rows.len() > size;
    rows.truncate(size);
    let token = rows.last().filter(|_| more).map(|(key, _)| token_of(list, key)).unwrap_or_default();
    Ok((rows.into_iter().map(|(_, row)| row).collect(), token))
}

/// Hexadecimal, so that nobody takes it for something to edit.
fn token_of(list: &str, key: &str) -> String {
    format!("{list}\n{key}").bytes().map(|b| format!("{b:02x}")).collect()
}

fn key_of(list: &str, token: &str) -> Option<String> {
    let digit = |c: u8| (c as char).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let pairs = token.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
        _ => None,
    });
    let text = String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()?;
    let (name, key) = text.split_once('\n')?;
    (name == list).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: u32) -> Vec<Row<u32>> {
        (0..n).rev().map(|i| (format!("{i:05}"), i)).collect()
    }

    #[test]
    fn pages_together_hold_every_row_once_in_order() {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (page, next) = page("links", rows(10), 3, &token).unwrap();
            assert!(page.len() <= 3);
            seen.extend(page);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn a_page_has_1000_rows_unless_fewer_are_asked_for() {
        for (asked, got) in [(0, 1000), (5000, 1000), (1000, 1000), (7, 7)] {
            let (page, next) = page("links", rows(1001), asked, "").unwrap();
            assert_eq!(page.len(), got);
            assert!(!next.is_empty());
        }
        assert_eq!(page("links", rows(1000), 0, "").unwrap().1, "");
    }

    #[test]
    fn a_row_that_goes_between_two_pages_hides_no_other() {
        let (_, token) = page("links", rows(6), 3, "").unwrap();
        let without_first = rows(6).into_iter().filter(|(_, i)| *i != 0).collect();
        assert_eq!(page("links", without_first, 3, &token).unwrap().0, [3, 4, 5]);
    }

    #[test]
    fn a_token_of_another_list_or_of_nothing_is_refused() {
        let (_, token) = page("links", rows(6), 3, "").unwrap();
        for bad in [token.as_str(), "zz", "6", "ü", "6c0a", "ff"] {
            assert!(matches!(page("nodes", rows(6), 3, bad), Err(ApiError::PageToken)), "{bad}");
        }
    }
}
