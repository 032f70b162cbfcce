//! Advice with known answers, from a record with plausible figures.

use crosstie_measure::advise::{self, Advice, Need, Scope, Want, recommend};
use crosstie_measure::record::Report;
use crosstie_measure::report::Colour;

fn sample() -> Report {
    serde_json::from_str(include_str!("data/sample.json")).expect("the sample is a record")
}

fn ask(scope: Scope, wants: &[Want]) -> Advice {
    recommend(&sample(), &Need { scope, wants: wants.to_vec(), ..Need::default() })
}

fn first(advice: &Advice) -> Option<(&str, &str)> {
    advice.recommended.as_ref().map(|first| (first.mechanism.as_str(), first.wait.as_str()))
}

fn reason<'a>(advice: &'a Advice, mechanism: &str) -> &'a str {
    let found = advice.rejected.iter().find(|rejection| rejection.mechanism == mechanism);
    &found.unwrap_or_else(|| panic!("{mechanism} did not fall out: {advice:?}")).reason
}

#[test]
fn known_needs_get_the_known_answers() {
    use Want::*;
    let known: &[(Scope, &[Want], (&str, &str))] = &[
        (Scope::Network, &[], ("tcp", "block")),
        (Scope::Network, &[ManySenders, Ordering], ("tcp", "block")),
        (Scope::Network, &[LossTolerable], ("udp", "block")),
        (Scope::Network, &[LossTolerable, Ordering], ("tcp", "block")),
        (Scope::Related, &[], ("pipe", "block")),
        (Scope::Related, &[Simple], ("pipe", "block")),
        (Scope::Related, &[Stream, NoLibrary], ("pipe", "block")),
        (Scope::Related, &[LowestLatency], ("shm", "spin")),
        (Scope::Machine, &[LowestLatency], ("shm", "spin")),
        (Scope::Machine, &[LowestLatency, LowCpu], ("shm", "block")),
        (Scope::Machine, &[LowCpu], ("shm", "block")),
        (Scope::Machine, &[ManySenders], ("unix", "block")),
        (Scope::Machine, &[LossTolerable], ("unix", "block")),
        (Scope::Machine, &[ZeroCopy], ("shm", "block")),
        (Scope::Machine, &[SurvivesReceiverDeath], ("shm", "block")),
        (Scope::Machine, &[Stream], ("unix", "block")),
        (Scope::Machine, &[Stream, SurvivesReceiverDeath], ("shm", "block")),
        (Scope::Machine, &[NoLibrary], ("unix", "block")),
        (Scope::Network, &[NoLibrary], ("tcp", "block")),
        (Scope::Machine, &[ManySenders, SurvivesReceiverDeath], ("queue", "block")),
        (Scope::Machine, &[EachToOneWorker], ("queue", "block")),
        (Scope::Machine, &[EverybodyHears], ("topic", "block")),
        (Scope::Machine, &[EverybodyHears, ManySenders, ZeroCopy, Ordering], ("topic", "block")),
    ];
    for (scope, wants, answer) in known {
        let advice = ask(*scope, wants);
        assert_eq!(first(&advice), Some(*answer), "{scope:?} {wants:?}");
    }
}

#[test]
fn a_need_that_nothing_meets_says_so_and_what_to_give_up() {
    let advice = ask(Scope::Network, &[Want::ZeroCopy]);
    assert_eq!(first(&advice), None);
    assert_eq!(advice.rejected.len(), 9);
    assert_eq!(reason(&advice, "shm"), "reaches one machine, not a network");
    let [relaxation] = advice.relaxations.as_slice() else { panic!("{:?}", advice.relaxations) };
    assert_eq!((relaxation.without.as_str(), relaxation.mechanism.as_str()), ("--need zero-copy", "tcp"));
    let text = advise::text(&advice, Colour::Plain);
    assert!(text.contains("no mechanism does all of this"), "{text}");
    assert!(text.contains("--need zero-copy: then tcp"), "{text}");
}

#[test]
fn a_rate_that_only_shared_memory_carries_decides_for_it() {
    let need = Need { messages_per_s: Some(5e6), ..Need::default() };
    let advice = recommend(&sample(), &need);
    assert_eq!(first(&advice), Some(("shm", "block")));
    assert!(reason(&advice, "unix").starts_with("carries 1.02 M/s"), "{}", reason(&advice, "unix"));
    let impossible = recommend(&sample(), &Need { messages_per_s: Some(1e9), ..Need::default() });
    assert_eq!(first(&impossible), None);
    assert!(impossible.relaxations.iter().any(|relaxation| relaxation.without == "--rate"));
}

#[test]
fn sizes_between_the_measured_ones_are_estimated_between_their_figures() {
    let estimate = |payload_bytes| {
        let advice =
            recommend(&sample(), &Need { payload_bytes, wants: vec![Want::Stream], ..Need::default() });
        advice.recommended.and_then(|first| first.estimate).expect("figures of unix")
    };
    let (below, between, above) = (estimate(1024), estimate(8192), estimate(65_536));
    assert!(below.is_measured && above.is_measured && !between.is_measured);
    assert!(below.round_trip_ns < between.round_trip_ns && between.round_trip_ns < above.round_trip_ns);
    assert!(below.messages_per_s > between.messages_per_s && between.messages_per_s > above.messages_per_s);
    assert!(estimate(64 << 20).messages_per_s < above.messages_per_s / 500.0);
    assert!(estimate(0).messages_per_s > 0.0 && estimate(1 << 31).messages_per_s > 0.0);
}

#[test]
fn a_datagram_above_its_limit_and_a_single_processor_fall_out_with_the_reason() {
    let need = Need {
        payload_bytes: 65_508,
        scope: Scope::Network,
        wants: vec![Want::LossTolerable],
        ..Need::default()
    };
    assert!(reason(&recommend(&sample(), &need), "udp").contains("65,507"));
    let mut single = sample();
    single.machine.cores = 1;
    let advice = recommend(&single, &Need { wants: vec![Want::LowestLatency], ..Need::default() });
    assert_eq!(first(&advice), Some(("shm", "block")));
    assert!(reason(&advice, "shm, spinning").contains("two processors"));
}

#[test]
fn the_advice_fits_one_screen_whatever_is_asked() {
    for scope in Scope::ALL {
        for first in Want::ALL {
            for second in Want::ALL {
                let text = advise::text(&ask(scope, &[*first, *second]), Colour::Plain);
                assert!(text.lines().count() <= 24, "{} lines:\n{text}", text.lines().count());
                assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
            }
        }
    }
}

#[test]
fn every_mechanism_is_either_recommended_possible_or_out_with_a_reason() {
    for want in Want::ALL {
        let advice = ask(Scope::Related, &[*want]);
        let fits = advice.recommended.iter().chain(&advice.runner_up).chain(&advice.others);
        let mut seen: Vec<&str> = fits.map(|candidate| candidate.mechanism.as_str()).collect();
        seen.extend(advice.rejected.iter().filter_map(|rejection| rejection.mechanism.split(',').next()));
        for mechanism in ["pipe", "fifo", "shm", "queue", "topic", "unix", "unixpacket", "tcp", "udp"] {
            assert!(seen.contains(&mechanism), "{want:?}: nothing about {mechanism}");
        }
    }
}

#[test]
fn its_json_is_versioned_and_names_the_runner_up() {
    let advice = ask(Scope::Machine, &[Want::LowestLatency]);
    let value = serde_json::to_value(&advice).expect("it has a JSON form");
    assert_eq!(value["schema"], "crosstie.advice/1");
    assert_eq!(value["need"]["wants"][0], "lowest-latency");
    assert_eq!(value["recommended"]["mechanism"], "shm");
    assert!(value["runner_up"]["estimate"]["round_trip_ns"].is_f64());
}

#[test]
fn a_queue_shares_out_and_a_topic_tells_everybody() {
    let workers = ask(Scope::Machine, &[Want::EachToOneWorker]);
    assert_eq!(reason(&workers, "topic"), "each message of a topic goes to all of its receivers");
    assert_eq!(reason(&workers, "unix"), "it has one receiver at a time");
    let news = ask(Scope::Machine, &[Want::EverybodyHears]);
    assert_eq!(reason(&news, "queue"), "each message of a queue goes to one of its receivers");
}

#[test]
fn what_has_no_figures_comes_last_and_says_so() {
    let mut report = sample();
    report.rows.retain(|row| row.mechanism == "tcp");
    let advice = recommend(&report, &Need::default());
    assert_eq!(first(&advice), Some(("tcp", "block")));
    let next = advice.runner_up.as_ref().expect("the others can do it too");
    assert!(next.mechanism == "unix" && next.estimate.is_none(), "{next:?}");
    let text = advise::text(&advice, Colour::Plain);
    assert!(text.contains("Else     unix: no figures"), "{text}");
    let alone = recommend(&report, &Need { wants: vec![Want::EverybodyHears], ..Need::default() });
    let text = advise::text(&alone, Colour::Plain);
    assert!(text.contains("because  it can, but the report has no figures of it;"), "{text}");
}

#[test]
fn a_rate_without_figures_is_not_promised() {
    let need = Need { messages_per_s: Some(1.0), wants: vec![Want::EachToOneWorker], ..Need::default() };
    let mut report = sample();
    report.rows.retain(|row| row.mechanism != "queue");
    let advice = recommend(&report, &need);
    assert_eq!(first(&advice), None);
    assert!(reason(&advice, "queue").contains("no figures"), "{}", reason(&advice, "queue"));
    assert!(advice.relaxations.iter().any(|relaxation| relaxation.without == "--rate"));
}

#[test]
fn what_was_to_be_measured_and_was_not_is_not_recommended() {
    let mut report = sample();
    report.rows.retain(|row| row.mechanism == "unix");
    for row in &mut report.rows {
        row.not_measured = Some("no room".to_owned());
    }
    let advice = recommend(&report, &Need::default());
    assert_eq!(reason(&advice, "unix"), "not measured: no room");
}

#[test]
fn what_is_above_the_default_limit_of_a_mechanism_says_how_to_raise_it() {
    for (want, payload_bytes, price) in [
        (Want::EverybodyHears, 1_009, "above the limit of 1008 B: --max 1009 at both ends"),
        (Want::EachToOneWorker, (1 << 20) + 1, "--max 1048577 at both ends, and a larger queue (--capacity)"),
        (Want::Stream, (64 << 20) + 1, "above the limit of 64 MiB: --max 67108865 at both ends, or --raw"),
    ] {
        let asked = |payload_bytes| {
            let need = Need { payload_bytes, wants: vec![want], ..Need::default() };
            recommend(&sample(), &need).recommended.expect("it can").price.join("; ")
        };
        assert!(asked(payload_bytes).contains(price), "{}", asked(payload_bytes));
        assert!(!asked(payload_bytes - 1).contains("above the limit"), "{}", asked(payload_bytes - 1));
    }
}
