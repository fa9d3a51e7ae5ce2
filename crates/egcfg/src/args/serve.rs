//! The arguments of `egcfg serve`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::method::MethodArgs;
use super::model::ModelArgs;
use super::sandbox::SandboxArgs;
use super::values::{count, duration, up_to, whole};

pub(crate) const SERVE_EXAMPLES: &str = "Examples:
  egcfg serve --port 8000
  curl http://127.0.0.1:8000/v1/completions -H 'content-type: application/json' \\
      -d '{\"prompt\": \"keep the even numbers\", \"tests\": [\"assert pick([1, 2]) == [2]\"]}'";

#[derive(Debug, ClapArgs)]
pub(crate) struct ServeArgs {
    /// Address to listen on; other machines reach the server under an address that is not loopback only
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    pub(crate) host: IpAddr,
    /// Port to listen on; 0 takes a free one. The server's address is printed on standard output
    #[arg(long, default_value = "8000")]
    pub(crate) port: u16,
    /// File with the key that clients have to present, readable by its owner only [default: EGCFG_API_KEY, if set]
    #[arg(long, value_name = "FILE")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// Serve without a key on an address that is not loopback
    #[arg(long)]
    pub(crate) open: bool,
    /// Origin of web pages that may read the answers, such as http://localhost:3000, or * for all; may be repeated
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) cors: Vec<egcfg_serve::Origin>,
    /// The model's name towards clients [default: its own]
    #[arg(long, value_name = "NAME", aliases = ["served-model-name", "alias"])]
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) method: MethodArgs,
    #[command(flatten)]
    pub(crate) model: ModelArgs,
    #[command(flatten)]
    pub(crate) sandbox: SandboxArgs,
}

/// What clients may ask for.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// Requests worked on at the same time
    #[arg(long, default_value = "8", value_name = "N", value_parser = count::<usize>)]
    pub(crate) in_flight: usize,
    /// Requests that wait for their turn; further ones get status 429
    #[arg(long, default_value = "64", value_name = "N", value_parser = whole::<usize>)]
    pub(crate) queue: usize,
    /// Seconds that one request may take
    #[arg(long, default_value = "600", value_name = "SECONDS", value_parser = duration)]
    pub(crate) request_time: Duration,
    /// Size of a request's body in MiB
    #[arg(long, default_value = "16", value_name = "MIB", value_parser = up_to::<1024>)]
    pub(crate) body_limit: u64,
    /// Tests of a guided request
    #[arg(long, default_value = "100", value_name = "N", value_parser = count::<usize>)]
    pub(crate) test_limit: usize,
    /// Candidates per refresh of a guided request
    #[arg(long, default_value = "32", value_name = "N", value_parser = count::<usize>)]
    pub(crate) candidate_limit: usize,
}
