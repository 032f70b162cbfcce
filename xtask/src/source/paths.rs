//! Every path that code names, `use` trees flattened.

use super::Source;

/// One path in the code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Its segments, in order; at least two.
    pub segments: Vec<String>,
    /// Its line, from 0.
    pub line: usize,
    /// Whether a `use` names it.
    pub is_import: bool,
    /// The inline modules around it, outermost first.
    pub inside: Vec<String>,
}

impl Named {
    /// The path as one writes it.
    pub fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// All paths of two segments or more in `source`.
pub fn named(source: &Source) -> Vec<Named> {
    let mut found = Vec::new();
    let mut modules: Vec<(String, usize)> = Vec::new();
    let mut index = 0;
    while index < source.tokens.len() {
        modules.retain(|(_, end)| index <= *end);
        let inside = || modules.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if source.reads(index, &["mod"]) && source.text(index + 2) == "{" {
            modules.push((source.text(index + 1).to_owned(), source.closing(index + 2)));
            index += 3;
        } else if source.reads(index, &["use"]) && is_item_start(source, index) {
            let before = found.len();
            index = tree(source, index + 1, &[], &mut found);
            found[before..].iter_mut().for_each(|path| path.inside = inside());
        } else if source.tokens[index].is_word() && source.text(index + 1) == "::" {
            let line = source.tokens[index].line;
            let (segments, next) = plain(source, index);
            if segments.len() > 1 {
                found.push(Named { segments, line, is_import: false, inside: inside() });
            }
            index = next;
        } else {
            index += 1;
        }
    }
    found
}

/// `use` as an item, not `use<'a>` in a bound.
fn is_item_start(source: &Source, index: usize) -> bool {
    source.text(index + 1) != "<"
}

/// A path outside `use`: words joined by `::`.
fn plain(source: &Source, start: usize) -> (Vec<String>, usize) {
    let mut segments = vec![source.text(start).to_owned()];
    let mut index = start + 1;
    while source.text(index) == "::" && source.tokens.get(index + 1).is_some_and(|token| token.is_word()) {
        segments.push(source.text(index + 1).to_owned());
        index += 2;
    }
    (segments, index)
}

/// One branch of a `use` tree; answers the token after it.
fn tree(source: &Source, start: usize, prefix: &[String], found: &mut Vec<Named>) -> usize {
    let mut segments = prefix.to_vec();
    let mut index = start;
    let line = source.tokens.get(start).map_or(0, |token| token.line);
    loop {
        match source.text(index) {
            "{" => {
                let close = source.closing(index);
                index += 1;
                while index < close {
                    index = tree(source, index, &segments, found);
                    if source.text(index) == "," {
                        index += 1;
                    }
                }
                return close + 1;
            }
            "," | ";" | "}" | "" => break,
            "as" => index += 2,
            "::" => index += 1,
            word => {
                segments.push(word.to_owned());
                index += 1;
            }
        }
    }
    if segments.last().is_some_and(|last| last == "self") && segments.len() > 1 {
        segments.pop();
    }
    found.push(Named { segments, line, is_import: true, inside: Vec::new() });
    index
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn use_trees_are_flattened_and_inline_paths_found() {
        let source = Source::new(
            "a.rs",
            "use crate::{os::{self, pipe as p}, error::*};\nmod b { fn f() -> super::C { crate::x::y::<u8>(1) } }\npub use d::E;",
        );
        let found: Vec<_> = named(&source).iter().map(|path| (path.text(), path.inside.join("::"))).collect();
        let at_top = |text: &str| (text.to_owned(), String::new());
        let in_b = |text: &str| (text.to_owned(), "b".to_owned());
        assert_eq!(
            found,
            [
                at_top("crate::os"),
                at_top("crate::os::pipe"),
                at_top("crate::error::*"),
                in_b("super::C"),
                in_b("crate::x::y"),
                at_top("d::E"),
            ]
        );
    }
}
