use braid_proto::{Address, NetworkName};
#[derive(Debug, Clone)]
pub struct Root;
impl Root {
    pub fn from_env() -> Self {
        Root
    }
}
#[derive(Debug, Clone)]
pub struct LabSummary {
    pub name: NetworkName,
}
pub struct Lab(NetworkName);
impl Lab {
    pub fn new(_: &Root, n: NetworkName) -> Self {
        Lab(n)
    }
    pub fn socket(&self) -> Address {
        format!("unix:/run/braid/{}/controller.sock", self.0).parse().unwrap()
    }
}
pub fn list(_: &Root) -> Vec<LabSummary> {
    vec![]
}
