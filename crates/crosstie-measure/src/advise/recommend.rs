//! Who falls out and why, who is first and at what price.

use serde::Serialize;

use super::ability::{ABILITIES, Ability};
use super::estimate::{Estimate, estimate};
use super::need::{Need, Scope, Want};
use crate::record::{Mechanism, Report};
use crate::report::{count, duration, rate, size};

/// The name and version of its JSON.
pub const SCHEMA: &str = "crosstie.advice/1";

/// The answer to a need.
#[derive(Clone, Debug, Serialize)]
pub struct Advice {
    /// Always `crosstie.advice/1`.
    pub schema: &'static str,
    /// What was asked.
    pub need: Need,
    /// The mechanism to take; absent when none does all that was asked.
    pub recommended: Option<Candidate>,
    /// The next best.
    pub runner_up: Option<Candidate>,
    /// What would do as well, best first.
    pub others: Vec<Candidate>,
    /// What cannot, each with the first reason.
    pub rejected: Vec<Rejection>,
    /// When nothing fits: what would fit if one wish were dropped.
    pub relaxations: Vec<Relaxation>,
    /// The processor and the date of the figures.
    pub measured_on: String,
}

/// A mechanism that does what was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Candidate {
    /// `pipe fifo shm queue topic unix unixpacket tcp udp`.
    pub mechanism: String,
    /// `"block"` or `"spin"`.
    pub wait: String,
    /// An address to start with.
    pub address: &'static str,
    /// What it does here; absent where the report has no figures of it.
    pub estimate: Option<Estimate>,
    /// Why it fits.
    pub reasons: Vec<String>,
    /// What it costs.
    pub price: Vec<String>,
}

/// A mechanism that does not.
#[derive(Clone, Debug, Serialize)]
pub struct Rejection {
    /// `pipe fifo shm queue topic unix unixpacket tcp udp`; with the way of waiting where only that one falls out.
    pub mechanism: String,
    /// Why.
    pub reason: String,
}

/// A wish whose loss makes something fit.
#[derive(Clone, Debug, Serialize)]
pub struct Relaxation {
    /// The wish, as on the command line: `--need zero-copy`, `--rate`.
    pub without: String,
    /// What would then be first.
    pub mechanism: String,
}

/// No message is longer, whatever the limit is set to: its length is a `u32`, less the marks.
const MESSAGE_BYTES_MOST: usize = (u32::MAX - 2) as usize;
/// Two round trips closer than this are equal; the simpler one goes first.
const EQUAL_WITHIN: f64 = 1.05;
/// Whoever has this many times the asked rate is not hurried.
const HEADROOM: f64 = 2.0;

/// Recommends a mechanism for `need`, from what each can do and from what `report` measured.
///
/// # Examples
/// ```
/// use crosstie_measure::advise::{Need, Scope, Want, recommend};
/// # let json = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/sample.json"));
/// let report = serde_json::from_str(json)?;
/// let need = Need { scope: Scope::Machine, wants: vec![Want::LowestLatency], ..Need::default() };
/// let advice = recommend(&report, &need);
/// assert_eq!(advice.recommended.unwrap().mechanism, "shm");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[must_use]
pub fn recommend(report: &Report, need: &Need) -> Advice {
    let (candidates, rejected) = judged(report, need);
    let mut ranked = ranked(candidates, need).into_iter();
    let recommended = ranked.next();
    let relaxations = if recommended.is_none() { relaxations(report, need) } else { Vec::new() };
    Advice {
        schema: SCHEMA,
        need: need.clone(),
        recommended,
        runner_up: ranked.next(),
        others: ranked.collect(),
        rejected,
        relaxations,
        measured_on: format!("{}, {}", report.machine.cpu, report.machine.date),
    }
}

/// Every way of waiting of every mechanism: fit, or out with the reason.
fn judged(report: &Report, need: &Need) -> (Vec<Candidate>, Vec<Rejection>) {
    let mut candidates = Vec::new();
    let mut rejected: Vec<Rejection> = Vec::new();
    for ability in ABILITIES {
        let ways: &[&str] = if ability.mechanism == "shm" { &["block", "spin"] } else { &["block"] };
        let mut outs: Vec<(&str, String)> = Vec::new();
        for wait in ways {
            match judge(report, need, ability, wait) {
                Ok(estimate) => candidates.push(candidate(report, need, ability, wait, estimate)),
                Err(reason) => outs.push((wait, reason)),
            }
        }
        let is_same =
            outs.len() == ways.len() && outs.windows(2).all(|pair| matches!(pair, [a, b] if a.1 == b.1));
        if is_same {
            outs.truncate(1);
        }
        rejected.extend(outs.into_iter().map(|(wait, reason)| Rejection {
            mechanism: if is_same {
                ability.mechanism.to_owned()
            } else {
                format!("{}, {}", ability.mechanism, waiting(wait))
            },
            reason,
        }));
    }
    (candidates, rejected)
}

/// What it does here if it fits, as far as the report has figures of it; why not, if it does not.
fn judge(report: &Report, need: &Need, ability: &Ability, wait: &str) -> Result<Option<Estimate>, String> {
    if ability.scope < need.scope {
        return Err(format!("reaches {}, not {}", ability.scope.phrase(), need.scope.phrase()));
    }
    if let Some(reason) = need.wants.iter().find_map(|want| ability.lack(*want)) {
        return Err(reason.to_owned());
    }
    if need.payload_bytes > MESSAGE_BYTES_MOST {
        return Err("a message has at most 4 GiB: send a stream (--raw), or pieces".to_owned());
    }
    if let Some(limit) = ability.limit_bytes.filter(|limit| need.payload_bytes > *limit as usize) {
        return Err(format!("a datagram holds at most {} bytes", count(limit.into())));
    }
    if ability.mechanism == "udp" && !need.wants.contains(&Want::LossTolerable) {
        return Err("may lose messages (--need loss-tolerable allows it)".to_owned());
    }
    if wait == "spin" && need.wants.contains(&Want::LowCpu) {
        return Err("takes a whole core a side, also when idle".to_owned());
    }
    if wait == "spin" && report.machine.cores < 2 {
        return Err("two sides that spin need two processors".to_owned());
    }
    let estimate = estimate(report, ability.mechanism, wait, need);
    match (need.messages_per_s, &estimate) {
        (Some(asked), Some(estimate)) if estimate.messages_per_s < asked => Err(format!(
            "carries {} at this size here, you need {}",
            rate(estimate.messages_per_s),
            rate(asked)
        )),
        (_, Some(_)) => Ok(estimate),
        (asked, None) => match refusal(report, ability.mechanism, wait) {
            Some(why) => Err(format!("not measured: {why}")),
            None if asked.is_some() => Err(format!("{NO_FIGURES}: whether it carries that is unknown")),
            None => Ok(None),
        },
    }
}

const NO_FIGURES: &str = "the report has no figures of it";

/// Why a mechanism that was to be measured was not.
fn refusal<'a>(report: &'a Report, mechanism: &str, wait: &str) -> Option<&'a str> {
    let mut rows = report.rows.iter().filter(|row| row.mechanism == mechanism && row.wait == wait);
    rows.find_map(|row| row.not_measured.as_deref())
}

fn candidate(
    report: &Report,
    need: &Need,
    ability: &Ability,
    wait: &str,
    estimate: Option<Estimate>,
) -> Candidate {
    let words = report.mechanisms.iter().find(|mechanism| mechanism.name == ability.mechanism);
    Candidate {
        mechanism: ability.mechanism.to_owned(),
        wait: wait.to_owned(),
        address: ability.address,
        reasons: reasons(need, ability, estimate.as_ref()),
        price: price(need, ability, wait, estimate.as_ref(), words),
        estimate,
    }
}

fn reasons(need: &Need, ability: &Ability, estimate: Option<&Estimate>) -> Vec<String> {
    let mut reasons = match estimate {
        Some(estimate) => speed(need, ability, estimate),
        None => vec![format!("it can, but {NO_FIGURES}")],
    };
    reasons.push(format!("reaches {}", ability.scope.phrase()));
    for want in &need.wants {
        reasons.extend(merit(*want).map(str::to_owned));
    }
    reasons
}

fn speed(need: &Need, ability: &Ability, estimate: &Estimate) -> Vec<String> {
    let loopback = if ability.scope == Scope::Network { " over loopback" } else { "" };
    let basis = if estimate.is_measured { "" } else { ", estimated between measured sizes" };
    let trip = format!(
        "{} there and back at {}{loopback}{basis}",
        duration(estimate.round_trip_ns),
        size(need.payload_bytes)
    );
    let carries = rate(estimate.messages_per_s);
    let asked = need.messages_per_s.map_or_else(String::new, |asked| format!(", you need {}", rate(asked)));
    vec![trip, format!("carries {carries}{asked}")]
}

/// What having a want comes to, where the figures do not say it.
fn merit(want: Want) -> Option<&'static str> {
    match want {
        Want::ManySenders => Some("takes many senders"),
        Want::EachToOneWorker => Some("each message goes to one of many workers"),
        Want::EverybodyHears => Some("each message goes to everybody who listens"),
        Want::SurvivesReceiverDeath => Some("what a killed receiver held comes again"),
        Want::ZeroCopy => Some("payloads are lent in place, not copied"),
        Want::Ordering => Some("keeps the order of each sender"),
        Want::Stream => Some("carries a stream of bytes (--raw on both sides)"),
        Want::NoLibrary => Some("spoken by hand: eight bytes, then four of length before each message"),
        Want::LossTolerable | Want::LowestLatency | Want::LowCpu | Want::Simple => None,
    }
}

fn price(
    need: &Need,
    ability: &Ability,
    wait: &str,
    estimate: Option<&Estimate>,
    words: Option<&Mechanism>,
) -> Vec<String> {
    let mut price = Vec::new();
    let at = rate(need.messages_per_s.unwrap_or(1_000.0));
    if wait == "spin" {
        price.push("a whole core a side, also when idle".to_owned());
    } else if let Some(estimate) = estimate {
        let cpu = estimate.cpu_percent.max(1.0);
        price.push(format!("about {cpu:.0} % of a core for both sides together at {at}"));
    }
    if let Some(calls) = estimate.and_then(|estimate| estimate.syscalls_per_message) {
        price.push(format!("{} system calls per message", crate::report::calls(Some(calls))));
    }
    if estimate.is_some_and(|estimate| is_hurried(need, estimate)) {
        price.push("little headroom: a burst will wait".to_owned());
    }
    if need.payload_bytes > ability.default_bytes {
        let given = need.payload_bytes;
        let room = match ability.mechanism {
            "shm" => ", and a larger ring (--capacity)",
            "queue" => ", and a larger queue (--capacity)",
            _ => "",
        };
        let stream = if ability.lack(Want::Stream).is_none() { ", or --raw" } else { "" };
        price.push(format!(
            "above the limit of {}: --max {given} at both ends{room}{stream}",
            size(ability.default_bytes)
        ));
    }
    if let Some(words) = words {
        price.push(format!("you handle: {}", words.caller_handles));
    }
    if ability.scope == Scope::Network {
        price
            .push("neither encryption nor authentication; a real network is slower than loopback".to_owned());
    }
    price
}

/// Best first.
fn ranked(mut rest: Vec<Candidate>, need: &Need) -> Vec<Candidate> {
    let mut ranked = Vec::with_capacity(rest.len());
    while let Some(best) = rest.iter().map(|candidate| cost(candidate, need)).min_by(f64::total_cmp) {
        let equal = |candidate: &Candidate| cost(candidate, need) <= best * EQUAL_WITHIN;
        let first = (0..rest.len())
            .filter(|index| rest.get(*index).is_some_and(equal))
            .min_by_key(|index| rest.get(*index).map(effort));
        match first {
            Some(index) => ranked.push(rest.swap_remove(index)),
            None => break,
        }
    }
    ranked
}

/// What the need wants little of: time, processor time or effort.
fn cost(candidate: &Candidate, need: &Need) -> f64 {
    // What has no figures comes behind everything that has.
    let Some(estimate) = &candidate.estimate else { return f64::INFINITY };
    let wants = |want| need.wants.contains(&want);
    if wants(Want::LossTolerable) && need.scope == Scope::Network && candidate.mechanism == "udp" {
        return 0.0;
    }
    if wants(Want::LowestLatency) {
        return estimate.round_trip_ns;
    }
    if wants(Want::LowCpu) {
        return estimate.cpu_percent.max(1.0);
    }
    f64::from(effort(candidate)) + 1.0 + if is_hurried(need, estimate) { 100.0 } else { 0.0 }
}

/// Whether little more than the asked rate gets through.
fn is_hurried(need: &Need, estimate: &Estimate) -> bool {
    need.messages_per_s.is_some_and(|asked| estimate.messages_per_s < asked * HEADROOM)
}

/// Effort in steps that [`EQUAL_WITHIN`] keeps apart; spinning comes after blocking.
fn effort(candidate: &Candidate) -> u8 {
    let ability = ABILITIES.iter().find(|ability| ability.mechanism == candidate.mechanism);
    ability.map_or(u8::MAX, |ability| ability.effort * 2 + u8::from(candidate.wait == "spin"))
}

fn relaxations(report: &Report, need: &Need) -> Vec<Relaxation> {
    let mut weaker: Vec<(String, Need)> = Vec::new();
    for (index, want) in need.wants.iter().enumerate() {
        let mut without = need.clone();
        without.wants.remove(index);
        weaker.push((format!("--need {}", want.id()), without));
    }
    if need.messages_per_s.is_some() {
        weaker.push(("--rate".to_owned(), Need { messages_per_s: None, ..need.clone() }));
    }
    if !need.wants.contains(&Want::LossTolerable) {
        let mut lossy = need.clone();
        lossy.wants.push(Want::LossTolerable);
        weaker.push(("the promise that nothing is lost".to_owned(), lossy));
    }
    let first = |need: &Need| ranked(judged(report, need).0, need).into_iter().next();
    weaker
        .into_iter()
        .filter_map(|(without, need)| {
            first(&need).map(|found| Relaxation { without, mechanism: found.mechanism })
        })
        .collect()
}

/// A way of waiting in words.
pub(crate) fn waiting(wait: &str) -> &'static str {
    if wait == "spin" { "spinning" } else { "blocking" }
}
