//! What `ls`, `inspect` and `watch` say of a topic: who is how far behind.

use std::fmt::Write as _;

use crosstie::channel::topic::TopicState;
use crosstie::channel::topic::state::SubscriberState;
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

/// A line for each subscriber: how far it is behind.
pub fn subscribers(snapshot: &Snapshot, topic: &TopicState) -> Vec<String> {
    let line = |subscriber: &SubscriberState| {
        let who = snapshot.who(subscriber.owner);
        format!("{who} subscribes, {} behind, {} lost", subscriber.behind, subscriber.lost)
    };
    topic.subscribers.iter().map(line).collect()
}

/// A line for each publisher, and one for the sizes.
pub fn ends(snapshot: &Snapshot, topic: &TopicState) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for &publisher in &topic.publishers {
        let _ = writeln!(text, "  {} publishes", snapshot.who(publisher));
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
            json!({"owner": snapshot.who(subscriber.owner), "behind": subscriber.behind, "lost": subscriber.lost})
        })
        .collect();
    let publishers: Vec<_> = topic.publishers.iter().map(|&publisher| snapshot.who(publisher)).collect();
    json!({"mode": topic.mode_word(), "published": topic.published, "kept": topic.kept(), "places": topic.places,
        "message_bytes_max": topic.message_bytes_max, "publishers": publishers, "subscribers": subscribers})
}
