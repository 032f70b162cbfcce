//! Text in lines that fit, without what would steer a terminal.

/// Breaks text into lines of at most `width` characters, between words where it can.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in plain(text).split_whitespace() {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let used = lines.last().map_or(0, |line| line.chars().count());
            let space = usize::from(used > 0);
            if used + space + rest.len() <= width {
                extend(&mut lines, space, &rest);
                break;
            }
            if used > 0 {
                lines.push(String::new());
            } else {
                let tail = rest.split_off(width.max(1).min(rest.len()));
                extend(&mut lines, 0, &rest);
                lines.push(String::new());
                rest = tail;
            }
        }
    }
    lines
}

fn extend(lines: &mut [String], space: usize, word: &[char]) {
    if let Some(line) = lines.last_mut() {
        line.extend(std::iter::repeat_n(' ', space));
        line.extend(word);
    }
}

/// Text that others wrote, without what would steer a terminal.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_longer_than_asked_and_no_word_is_lost() {
        let text = "a word, anextremelylongwordwithoutanyspace and a few more";
        for width in 1..40 {
            let lines = wrap(text, width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{width}: {lines:?}");
            let letters =
                |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            assert_eq!(letters(&lines.concat()), letters(text));
        }
    }

    #[test]
    fn what_would_steer_a_terminal_becomes_a_space() {
        assert_eq!(plain("a\u{1b}[31mb\nc"), "a [31mb c");
    }
}
