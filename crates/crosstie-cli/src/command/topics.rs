//! What `ls`, `inspect` and `watch` say of a topic: who is how far behind.

use std::fmt::Write as _;

use crosstie::OwnerId;
use crosstie::channel::topic::TopicState;
use crosstie::inspect::Snapshot;
use serde_json::{Value, json};

/// `lossless, 12 published, 2 subscribers, the slowest 12 behind`
pub fn line(topic: &TopicState) -> String {
    let mut text = format!("{}, {} published, {} kept", topic.mode_word(), topic.published, topic.kept());
    let behind = topic.subscribers.iter().map(|subscriber| subscriber.behind).max();
    match (topic.subscribers.len(), behind) {
        (0, _) => text.push_str(", no subscriber"),
        (1, Some(behind)) => {
            // Writing to a String cannot fail.
            let _ = write!(text, ", 1 subscriber, {behind} behind");
        }
        (many, behind) => {
            let _ = write!(text, ", {many} subscribers, the slowest {} behind", behind.unwrap_or_default());
        }
    }
    text
}

/// A line for each end, and one for the sizes.
pub fn ends(snapshot: &Snapshot, topic: &TopicState) -> String {
    let mut text = String::new();
    for subscriber in &topic.subscribers {
        let who = who(snapshot, subscriber.owner);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {who} subscribes, {} behind, {} lost", subscriber.behind, subscriber.lost);
    }
    for &publisher in &topic.publishers {
        let _ = writeln!(text, "  {} publishes", who(snapshot, publisher));
    }
    let _ =
        writeln!(text, "  {} places for messages of up to {} bytes", topic.places, topic.message_bytes_max);
    text
}

/// The topic in `--json`.
pub fn document(snapshot: &Snapshot, topic: &TopicState) -> Value {
    let subscribers: Vec<_> = topic
        .subscribers
        .iter()
        .map(|subscriber| {
            json!({"owner": who(snapshot, subscriber.owner), "behind": subscriber.behind, "lost": subscriber.lost})
        })
        .collect();
    let publishers: Vec<_> = topic.publishers.iter().map(|&publisher| who(snapshot, publisher)).collect();
    json!({"mode": topic.mode_word(), "published": topic.published, "kept": topic.kept(), "places": topic.places,
        "message_bytes_max": topic.message_bytes_max, "publishers": publishers, "subscribers": subscribers})
}

fn who(snapshot: &Snapshot, owner: OwnerId) -> String {
    let known = snapshot.owners.iter().find(|known| known.id == owner);
    known.map_or("somebody who has gone".to_owned(), ToString::to_string)
}
