//! What is done on another machine: by its agent, which whoever starts the operation can reach.

use std::future::Future;
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

/// Its end: the end of what it printed, or a sentence and that.
pub type FarRun<'a> = Pin<Box<dyn Future<Output = Result<String, (String, String)>> + Send + 'a>>;

/// Reaches agents, on behalf of one order.
pub trait Far: Send + Sync {
    /// Has the agent of a host do what its file calls by this name, once; `cancel` has it ended there, too.
    fn run<'a>(&'a self, host: &'a str, name: &'a str, cancel: CancellationToken) -> FarRun<'a>;
}
