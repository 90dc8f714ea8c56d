//! Which characters are seen, and as what they are.

use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};

/// Whether a character is shown by a glyph or a space of its own, in the order of the text. Control characters, format
/// characters (U+200B, U+202E, U+00AD), line separators and private use are not.
pub(crate) fn is_visible(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    let is_unseen = matches!(
        c.general_category(),
        GeneralCategory::Control
            | GeneralCategory::Format
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
            | GeneralCategory::PrivateUse
            | GeneralCategory::Surrogate
            | GeneralCategory::Unassigned
    );
    !is_unseen && !is_ignorable(c)
}

/// A space that looks like U+0020, or nearly: U+00A0, U+2003, U+3000.
pub(crate) fn is_other_space(c: char) -> bool {
    c != ' ' && c.general_category() == GeneralCategory::SpaceSeparator
}

/// Unicode's Default_Ignorable_Code_Point as far as its characters are not of the category Format: letters and marks that
/// have no glyph (DerivedCoreProperties.txt).
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}
