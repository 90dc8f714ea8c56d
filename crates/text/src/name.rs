//! Names that people and other systems choose: skus, users, warehouses.

use std::borrow::Cow;

use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::characters::{is_other_space, is_visible};

/// What a name may hold, for an error.
pub const TAKES: &str =
    "visible characters in Unicode's normal form C, no format character, no space other than U+0020";

/// The name in Unicode's normal form C: `e` with U+0301 is `é`.
pub fn normalized(name: &str) -> Cow<'_, str> {
    if is_nfc(name) { Cow::Borrowed(name) } else { Cow::Owned(name.nfc().collect()) }
}

/// Whether the name is in normal form C and each of its characters is seen. How long it may be is another matter.
///
/// Letters of different scripts that look alike (Latin and Cyrillic `a`) are not told apart.
pub fn is_clear(name: &str) -> bool {
    name.chars().all(|c| is_visible(c) && !is_other_space(c)) && is_nfc(name)
}

/// Whether there is anything to see, besides space.
pub fn is_blank(text: &str) -> bool {
    !text.chars().any(|c| is_visible(c) && !c.is_whitespace() && c != '\u{2800}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn clear_names() {
        for name in ["", "TEA-1", "Größe 7", "茶", "чай", "चाय", "ชา", "🫖", "a b"] {
            assert!(is_clear(name), "{name:?}");
        }
    }

    #[test]
    fn characters_that_are_not_seen_are_no_part_of_a_name() {
        for c in [
            '\0',
            '\u{7}',
            '\n',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{61c}',
            '\u{200b}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2029}',
            '\u{2066}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
            '\u{e000}',
            '\u{100000}',
            '\u{34f}',
            '\u{3164}',
            '\u{115f}',
            '\u{fe0f}',
            '\u{e0100}',
            '\u{a0}',
            '\u{2003}',
            '\u{3000}',
            '\u{378}',
            '\u{ffff}',
        ] {
            assert!(!is_clear(&format!("TEA{c}1")), "{c:?}");
        }
    }

    #[test]
    fn one_name_has_one_form() {
        let (composed, decomposed) = ("caf\u{e9}", "cafe\u{301}");
        assert!(is_clear(composed) && !is_clear(decomposed));
        assert_eq!(normalized(decomposed), composed);
        // The angstrom sign is the letter.
        assert_eq!(normalized("\u{212b}"), "\u{c5}");
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in ["", " ", "\t", "\u{200b}\u{200d}", "\u{3000} \u{3164}", "\u{2800}", "\u{202e}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank(" \u{200b}a"));
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(name in ".{0,40}") {
            let once = normalized(&name).into_owned();
            prop_assert_eq!(normalized(&once), once.as_str());
        }
    }
}
