//! What became of a mutant.

use std::fmt;

/// What the models say of one weakened ordering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// This model failed, as it should.
    Caught(String),
    /// The models that get to the ordering passed.
    Survived {
        /// How many get there.
        models: usize,
        /// How many of those were followed through all their interleavings; the others as long as the time for one ordering
        /// allows.
        whole: usize,
    },
    /// No model gets to it.
    Unreached,
    /// Nobody has asked the models yet.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caught(model) => write!(f, "caught {model}"),
            Self::Survived { models, whole } => write!(f, "survived {models} {whole}"),
            Self::Unreached => f.write_str("unreached"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl Verdict {
    /// What [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text.split_once(' ') {
            Some(("caught", model)) => Self::Caught(model.to_owned()),
            Some(("survived", counts)) => {
                let (models, whole) = counts.split_once(' ')?;
                Self::Survived { models: models.parse().ok()?, whole: whole.parse().ok()? }
            }
            None if text == "unreached" => Self::Unreached,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let caught = Verdict::Caught("mutex::one_of_two".to_owned());
        let all = [caught, Verdict::Survived { models: 3, whole: 2 }, Verdict::Unreached];
        for verdict in all {
            assert_eq!(Verdict::parse(&verdict.to_string()), Some(verdict));
        }
        assert_eq!(Verdict::parse("caught"), None);
        assert_eq!(Verdict::parse(""), None);
    }
}
