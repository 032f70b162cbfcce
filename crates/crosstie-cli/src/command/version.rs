//! `crosstie version`.

use std::fs;

use clap::Args;
use crosstie::os::{futex, membarrier};
use crosstie::{region, transport};

use crate::args::Globals;
use crate::exit::Outcome;
use crate::output::data;

/// Print the version, the formats and what this kernel offers
#[derive(Debug, Args)]
#[command(after_help = "Example:
  crosstie version --json | jq .kernel.futex_waitv")]
pub struct Arguments {
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

pub fn run(arguments: Arguments, globals: &Globals) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    let (waitv, membarrier) = (futex::has_waitv(), membarrier::register_global_expedited());
    let domain = globals.domain_path()?;
    if arguments.json {
        let protocols: serde_json::Map<_, _> =
            transport::protocols().map(|(name, version)| (name.to_lowercase(), version.into())).collect();
        return data::json(&serde_json::json!({
            "schema": "crosstie.version/1",
            "version": version,
            "formats": {"segment": region::FORMAT_VERSION},
            "protocols": protocols,
            "kernel": {"release": release, "futex_waitv": waitv, "membarrier": membarrier},
            "domain": domain.display().to_string(),
        }));
    }
    let protocols: Vec<String> =
        transport::protocols().map(|(name, version)| format!("{name} {version}")).collect();
    let yes = |is_there| if is_there { "yes" } else { "no" };
    data::text(&format!(
        "crosstie {version}\nformat of shared memory {}, protocols: {}\nkernel {release}: futex_waitv {}, membarrier {}\ndomain {}\n",
        region::FORMAT_VERSION,
        protocols.join(", "),
        yes(waitv),
        yes(membarrier),
        domain.display(),
    ))
}
