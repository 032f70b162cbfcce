//! Lines as wide as who reads them can see.

use crosstie::os::terminal;

/// How many columns a line of standard output may have: the terminal's, else what `COLUMNS` says, as for the help; `None` where
/// neither says it, as in a file.
pub fn columns() -> Option<usize> {
    let said = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal::size().map(|(_, columns)| usize::from(columns)).or_else(said)
}

/// `head` and behind it `text`, folded between words so that no line has more than `columns`; what goes on stands below the
/// text's begin. A word that is wider has a line of its own.
pub fn beside(head: &str, text: &str, columns: Option<usize>) -> String {
    let Some(columns) = columns else { return format!("{head}{text}\n") };
    let indent = head.chars().count();
    let (mut folded, mut width) = (head.to_owned(), indent);
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > indent {
            if width + 1 + length > columns {
                folded.push('\n');
                folded.push_str(&" ".repeat(indent));
                width = indent;
            } else {
                folded.push(' ');
                width += 1;
            }
        }
        folded.push_str(word);
        width += length;
    }
    folded.push('\n');
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_folded_between_words_beside_its_head() {
        assert_eq!(beside("a  ", "one two three", Some(10)), "a  one two\n   three\n");
        assert_eq!(beside("a  ", "one two three", Some(9)), "a  one\n   two\n   three\n");
        assert_eq!(beside("a  ", "one two three", Some(1)), "a  one\n   two\n   three\n");
        assert_eq!(beside("a  ", "one two three", None), "a  one two three\n");
    }
}
