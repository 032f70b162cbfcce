//! What `ls`, `inspect` and `watch` say of a ring, a queue or a topic: what waits in it, who has what in hand, who is at its ends.

use std::fmt::Write as _;
use std::time::Duration;

use crosstie::OwnerId;
use crosstie::channel::queue::QueueState;
use crosstie::channel::ring::{RingState, RingWaits};
use crosstie::inspect::{ServerState, Snapshot, SnapshotObject};
use crosstie::os::clock;
use serde_json::{Value, json};

use super::topics;

/// What a line of `ls` says of a channel; `None` of everything else.
pub fn line(object: &SnapshotObject) -> Option<String> {
    let ring = object.ring.as_ref().map(in_ring);
    let queue = || object.queue.as_ref().map(depth);
    ring.or_else(queue).or_else(|| object.topic.as_ref().map(topics::line))
}

/// The ends of a channel, and what they have and wait for; `None` of everything else.
pub fn ends(snapshot: &Snapshot, object: &SnapshotObject) -> Option<String> {
    let ring = object.ring.as_ref().map(ring_ends);
    let queue = || object.queue.as_ref().map(queue_ends);
    let rest = ring.or_else(queue).or_else(|| object.topic.as_ref().map(|it| topics::ends(snapshot, it)))?;
    let lines = holders(snapshot, object).into_iter().map(|line| format!("  {line}\n"));
    let mut text: String = lines.chain([rest]).collect();
    for wait in snapshot.waiters(object.key) {
        let what = if wait.is_at_channel() { wait.what(&object.name) } else { "a reply".to_owned() };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {} has waited {} for {what}", wait.owner, clock::in_words(wait.waited));
    }
    if let Some(stall) = snapshot.stall_at(object.key) {
        let _ = writeln!(text, "  {stall}");
    }
    Some(text)
}

/// `12 wait, 768 of 1048576 bytes`
fn in_ring(ring: &RingState) -> String {
    let mut text = format!("{} wait, {} of {} bytes", ring.waiting, ring.bytes, ring.capacity_bytes);
    match (ring.sender, ring.receiver) {
        (None, None) => text.push_str(", no sender, no receiver"),
        (None, Some(_)) => text.push_str(", no sender"),
        (Some(_), None) => text.push_str(", no receiver"),
        (Some(_), Some(_)) => {}
    }
    text
}

fn ring_ends(ring: &RingState) -> String {
    let mut text = format!("  {} messages sent, {} bytes in them\n", ring.sent, ring.sent_bytes);
    for (end, waits) in [("sender", ring.sender_waits), ("receiver", ring.receiver_waits)] {
        text.push_str(&waited(end, waits));
    }
    if ring.ended_by_death {
        text.push_str("  somebody who had an end died, and the other side is still to be told\n");
    }
    text
}

/// `  the sender has waited 3 times, 12ms at most; 1 died`
fn waited(end: &str, waits: RingWaits) -> String {
    let mut text = format!("  the {end} has waited {} times", waits.count);
    // Writing to a String cannot fail.
    if waits.count > 0 {
        let _ = write!(text, ", {} at most", clock::in_words(waits.longest));
    }
    if waits.deaths > 0 {
        let _ = write!(text, "; {} died", waits.deaths);
    }
    text + "\n"
}

/// The ring in `--json`.
pub fn ring_document(snapshot: &Snapshot, ring: &RingState) -> Value {
    let end = |end: Option<OwnerId>| end.map(|owner| snapshot.who(owner));
    json!({"waiting": ring.waiting, "bytes": ring.bytes, "capacity_bytes": ring.capacity_bytes,
        "sender": end(ring.sender), "receiver": end(ring.receiver), "ended_by_death": ring.ended_by_death,
        "sent": ring.sent, "sent_bytes": ring.sent_bytes,
        "sender_waits": waits_document(ring.sender_waits), "receiver_waits": waits_document(ring.receiver_waits)})
}

fn waits_document(waits: RingWaits) -> Value {
    json!({"count": waits.count, "longest_ns": nanoseconds(waits.longest), "deaths": waits.deaths})
}

/// `12 wait, 3 in hand, 2 delivered again, 1 dead letter`
fn depth(queue: &QueueState) -> String {
    let mut text = format!("{} wait, {} in hand", queue.waiting, queue.in_hand.len());
    if queue.redelivered > 0 {
        // Writing to a String cannot fail.
        let _ = write!(text, ", {} delivered again", queue.redelivered);
    }
    match queue.dead_letters {
        0 => {}
        1 => text.push_str(", 1 dead letter"),
        // Writing to a String cannot fail.
        many => drop(write!(text, ", {many} dead letters")),
    }
    text
}

/// Who has how many messages of a queue in hand, and how many of them not for the first time.
fn in_hand(snapshot: &Snapshot, queue: &QueueState) -> Vec<(String, usize, usize)> {
    let mut holders: Vec<_> = queue.in_hand.iter().map(|held| held.owner).collect();
    holders.sort_unstable_by_key(|owner| owner.map(|id| id.to_bits()));
    holders.dedup();
    let count = |owner| {
        let own = || queue.in_hand.iter().filter(move |held| held.owner == owner);
        (own().count(), own().filter(|held| held.deliveries > 1).count())
    };
    let who =
        |owner: Option<_>| owner.map_or("somebody who has gone".to_owned(), |owner| snapshot.who(owner));
    holders.into_iter().map(|owner| (who(owner), count(owner).0, count(owner).1)).collect()
}

/// Who has how much of a channel to do: a line each, for a queue's receivers, a topic's subscribers and a ring's ends.
pub fn holders(snapshot: &Snapshot, object: &SnapshotObject) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(queue) = &object.queue {
        lines.extend(in_hand(snapshot, queue).into_iter().map(|(owner, count, redelivered)| {
            format!("{owner} has {count} in hand, {redelivered} of them delivered before")
        }));
    }
    if let Some(topic) = &object.topic {
        lines.extend(topics::subscribers(snapshot, topic));
    }
    if let Some(ring) = &object.ring {
        let ends = [(ring.sender, "sends"), (ring.receiver, "receives")];
        lines.extend(
            ends.into_iter().filter_map(|(end, does)| Some(format!("{} {does}", snapshot.who(end?)))),
        );
    }
    lines
}

/// What process `pid` has in hand of queues, and of calls: a line each.
pub fn in_hand_of(snapshot: &Snapshot, pid: u32) -> Vec<String> {
    let is_its = |owner: OwnerId| snapshot.owners.iter().any(|it| it.id == owner && it.pid == pid);
    let mut lines = Vec::new();
    for object in &snapshot.objects {
        let queue = object.queue.iter().flat_map(|queue| &queue.in_hand);
        let own: Vec<_> = queue.filter_map(|held| held.owner.filter(|&owner| is_its(owner))).collect();
        if let Some(&owner) = own.first() {
            lines.push(format!("{} has {} in hand of {}", snapshot.who(owner), own.len(), object.name));
        }
    }
    let servers = snapshot.servers.iter().filter(|server| is_its(server.owner));
    lines
        .extend(servers.map(|server| format!("{} serves {}", snapshot.who(server.owner), at_server(server))));
    lines
}

/// `unix:/run/s.sock  served by 4711 crosstie, 1 call in hand, 2 wait, 612 bytes`
pub fn server_line(snapshot: &Snapshot, server: &ServerState) -> String {
    format!("{}  served by {}, {}", server.address, snapshot.who(server.owner), calls(server))
}

fn at_server(server: &ServerState) -> String {
    format!("{}: {}", server.address, calls(server))
}

fn calls(server: &ServerState) -> String {
    let s = if server.in_hand == 1 { "" } else { "s" };
    let text = format!("{} call{s} in hand, {} wait", server.in_hand, server.waiting);
    if server.waiting == 0 { text } else { format!("{text}, {} bytes", server.waiting_bytes) }
}

/// A server in `--json`.
pub fn server_document(snapshot: &Snapshot, server: &ServerState) -> Value {
    json!({"address": server.address, "owner": snapshot.who(server.owner), "workers": server.workers,
        "in_hand": server.in_hand, "waiting": server.waiting, "waiting_bytes": server.waiting_bytes})
}

fn queue_ends(queue: &QueueState) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "  {} senders, {} receivers; {} delivered again, {} dropped\n  {} places, {} bytes for long messages, a dead letter after {} deliveries",
        queue.senders,
        queue.receivers,
        queue.redelivered,
        queue.dropped,
        queue.places,
        queue.capacity_bytes,
        queue.deliveries_max
    );
    if !queue.lease.is_zero() {
        let lease = clock::in_words(queue.lease);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  a message in hand for {lease} goes to another receiver: its lease is over");
    }
    text
}

/// The queue in `--json`.
pub fn queue_document(snapshot: &Snapshot, queue: &QueueState) -> Value {
    let in_hand: Vec<_> = in_hand(snapshot, queue)
        .into_iter()
        .map(
            |(owner, count, redelivered)| json!({"owner": owner, "count": count, "redelivered": redelivered}),
        )
        .collect();
    json!({"waiting": queue.waiting, "in_hand": in_hand, "dead_letters": queue.dead_letters,
        "redelivered": queue.redelivered, "dropped": queue.dropped, "senders": queue.senders,
        "receivers": queue.receivers, "places": queue.places, "capacity_bytes": queue.capacity_bytes,
        "deliveries_max": queue.deliveries_max, "lease_ns": nanoseconds(queue.lease)})
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
