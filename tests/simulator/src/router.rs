//! What the simulator asks of an engine's instance, whatever its protocol.

use std::fmt::Debug;

use ipnet::Ipv4Net;

/// An instance of an engine.
pub trait Router: Sized + Clone {
    /// What it is told at its start.
    type Config: Clone;
    /// What it is given.
    type Input: Clone;
    /// What it gives.
    type Output: Clone + PartialEq;
    /// What a kernel is told of a prefix.
    type Route: Clone + Debug;

    /// One that starts.
    ///
    /// # Errors
    /// When the configuration is wrong.
    fn start(config: &Self::Config, seed: u64, now_us: u64) -> Result<Self, String>;
    /// Gives it an input.
    fn feed(&mut self, now_us: u64, input: Self::Input);
    /// Takes its next output.
    fn next_output(&mut self) -> Option<Self::Output>;
    /// When it wants a timeout, in microseconds.
    fn due_us(&self) -> Option<u64>;
    /// Its whole state as bytes.
    ///
    /// # Errors
    /// When it cannot be written.
    fn save(&self) -> Result<Vec<u8>, String>;
    /// One of such bytes.
    ///
    /// # Errors
    /// When they are none.
    fn load(bytes: &[u8]) -> Result<Self, String>;
    /// The outputs of a fresh instance that is given a life's inputs by way of the engine's own recording.
    ///
    /// # Errors
    /// When the recording is of no use.
    fn replay(life: &Life<Self>) -> Result<Vec<Self::Output>, String>;

    /// What a kernel should have.
    fn kernel_routes(&self) -> Vec<(Ipv4Net, Self::Route)>;
    /// Whether two routes are the same to a kernel.
    fn is_same(one: &Self::Route, other: &Self::Route) -> bool;
    /// Checks what must hold at any time; gives the size of its database.
    ///
    /// # Errors
    /// The first rule that is broken.
    fn check(&self) -> Result<usize, String>;
    /// How many packets it sent that bring news, which a quiet network has none of.
    fn news(&self) -> u64;

    /// The input that says: it is time.
    fn timeout() -> Self::Input;
    /// The input that says: go.
    fn leave() -> Self::Input;
    /// The input that says: be this from now on.
    fn configure(config: Self::Config) -> Self::Input;

    /// What of an input makes one run differ from another.
    fn input_digest(input: &Self::Input) -> Digest<'_>;
    /// What of an output makes one run differ from another.
    fn output_digest(output: &Self::Output) -> Digest<'_>;
    /// An input for people to read.
    fn input_text(input: &Self::Input) -> String;
    /// An output for people to read.
    fn output_text(output: &Self::Output) -> String;
}

/// What of an input or output makes one run differ from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest<'a> {
    /// A packet's bytes.
    Bytes(&'a [u8]),
    /// A number.
    Number(u64),
    /// Nothing but that it happened.
    Nothing,
}

/// All that one process was given, and gave, from its start on.
#[derive(Debug, Clone)]
pub struct Life<R: Router> {
    /// What it was told at its start.
    pub config: R::Config,
    /// Its seed.
    pub seed: u64,
    /// When it started.
    pub start_us: u64,
    /// What it was given, and when.
    pub inputs: Vec<(u64, R::Input)>,
    /// All outputs.
    pub outputs: Vec<R::Output>,
}

/// What the instances of all engines say in the same words, by types of the same names: they share no code, so that no trait can
/// say it for them.
macro_rules! in_the_same_words {
    () => {
        type Config = Config;
        type Input = Input;
        type Output = Output;
        fn start(config: &Config, seed: u64, now_us: u64) -> Result<Self, String> {
            Instance::new(config.clone(), seed, Instant(now_us)).map_err(|error| error.to_string())
        }

        fn feed(&mut self, now_us: u64, input: Input) {
            self.handle(Instant(now_us), input);
        }

        fn next_output(&mut self) -> Option<Output> {
            self.poll_output()
        }

        fn due_us(&self) -> Option<u64> {
            self.poll_timeout().map(|at| at.0)
        }

        fn load(bytes: &[u8]) -> Result<Self, String> {
            Instance::restore(bytes).map_err(|error| error.to_string())
        }

        fn timeout() -> Input {
            Input::Timeout
        }

        fn leave() -> Input {
            Input::Leave
        }

        fn configure(config: Config) -> Input {
            Input::Configure(Box::new(config))
        }

        fn input_digest(input: &Input) -> Digest<'_> {
            match input {
                Input::Packet { payload, .. } => Digest::Bytes(payload),
                _ => Digest::Nothing,
            }
        }
    };
}
pub(crate) use in_the_same_words;
