//! Rows of the table.

/// A row of the table.
pub struct Row {
    pub figure: String,
    pub braid: String,
    pub peer: String,
    pub ratio: String,
    pub aim: String,
}

impl Row {
    pub fn new(
        figure: &str,
        braid: impl Into<String>,
        peer: impl Into<String>,
        ratio: impl Into<String>,
    ) -> Self {
        let figure = figure.to_owned();
        Self { figure, braid: braid.into(), peer: peer.into(), ratio: ratio.into(), aim: "-".to_owned() }
    }

    /// A figure without a peer.
    pub fn alone(figure: &str, braid: impl Into<String>) -> Self {
        Self::new(figure, braid, "-", "-")
    }

    /// What the figure should be.
    pub fn aim(mut self, aim: &str) -> Self {
        aim.clone_into(&mut self.aim);
        self
    }
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
