//! How wide a text is, and how labels make room for each other.

/// Height of a line of labels, in SVG units.
pub(crate) const LINE: f64 = 15.0;

/// An estimate of a text's width in the page's font at 12 units, on the wide side.
pub(crate) fn width(text: &str) -> f64 {
    text.chars()
        .map(|character| match character {
            'i' | 'l' | 'j' | '.' | ',' | '\'' | ':' | '|' | ' ' => 3.9,
            'f' | 't' | 'r' | '(' | ')' | '/' => 5.2,
            'm' | 'w' | 'M' | 'W' | '%' => 11.2,
            'A'..='Z' => 8.6,
            _ => 7.5,
        })
        .sum()
}

/// As [`width`], for the heavier face of names.
pub(crate) fn name_width(text: &str) -> f64 {
    width(text) * 1.12
}

/// Moves places apart until each pair is at least `gap` apart, within `low..=high`, keeping their
/// order and moving as little as the crowd allows; the answer has the order of `wanted`.
///
/// When there is more to place than room, they are spread evenly.
pub(crate) fn spread(wanted: &[f64], gap: f64, [low, high]: [f64; 2]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|left, right| wanted[*left].total_cmp(&wanted[*right]));
    let steps = order.len().saturating_sub(1) as f64;
    let gap = if steps > 0.0 { gap.min((high - low).max(0.0) / steps) } else { gap };
    // Clusters that touch are merged and centred on the mean of what they wanted.
    let mut clusters: Vec<Cluster> = Vec::new();
    for index in &order {
        let mut cluster = Cluster { sum: wanted[*index], count: 1.0 };
        while let Some(above) = clusters.pop() {
            if above.bottom(gap, low, high) + gap <= cluster.top(gap, low, high) {
                clusters.push(above);
                break;
            }
            cluster = Cluster { sum: above.sum + cluster.sum, count: above.count + cluster.count };
        }
        clusters.push(cluster);
    }
    let mut places = vec![0.0; wanted.len()];
    let mut next = order.iter();
    for cluster in &clusters {
        let mut place = cluster.top(gap, low, high);
        let mut left = cluster.count;
        while left > 0.5 {
            if let Some(index) = next.next() {
                places[*index] = place;
            }
            place += gap;
            left -= 1.0;
        }
    }
    places
}

/// Labels that stand together.
struct Cluster {
    sum: f64,
    count: f64,
}

impl Cluster {
    fn top(&self, gap: f64, low: f64, high: f64) -> f64 {
        let extent = (self.count - 1.0) * gap;
        (self.sum / self.count - extent / 2.0).min(high - extent).max(low)
    }

    fn bottom(&self, gap: f64, low: f64, high: f64) -> f64 {
        self.top(gap, low, high) + (self.count - 1.0) * gap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn are_apart(places: &[f64], gap: f64) -> bool {
        let mut sorted = places.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.windows(2).all(|pair| pair[1] - pair[0] >= gap - 1e-9)
    }

    #[test]
    fn labels_that_have_room_stay_where_they_want_to_be() {
        assert_eq!(spread(&[50.0, 10.0, 90.0], 15.0, [0.0, 100.0]), [50.0, 10.0, 90.0]);
    }

    #[test]
    fn labels_that_collide_part_and_keep_their_order() {
        let wanted = [50.0, 51.0, 49.0, 50.5, 20.0, 20.1];
        let places = spread(&wanted, 15.0, [0.0, 200.0]);
        assert!(are_apart(&places, 15.0), "{places:?}");
        for (left, above) in wanted.iter().zip(&places) {
            for (right, below) in wanted.iter().zip(&places) {
                assert!(left >= right || above < below, "{places:?}");
            }
        }
    }

    #[test]
    fn no_crowd_overlaps_or_leaves_its_range() {
        // a fixed linear congruence: the same crowds each time
        let mut state = 7_u64;
        let mut next = |limit: f64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64 * limit
        };
        for crowd in 1..=20 {
            for _ in 0..50 {
                let wanted: Vec<f64> = (0..crowd).map(|_| next(300.0)).collect();
                let places = spread(&wanted, 15.0, [0.0, 300.0]);
                assert!(are_apart(&places, 15.0), "{wanted:?} → {places:?}");
                assert!(places.iter().all(|place| (-1e-9..=300.0 + 1e-9).contains(place)), "{places:?}");
            }
        }
    }

    #[test]
    fn more_labels_than_room_are_spread_evenly() {
        let places = spread(&[5.0; 11], 15.0, [0.0, 100.0]);
        assert!(are_apart(&places, 10.0));
    }
}
