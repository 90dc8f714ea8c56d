//! What the readers of Rust share: tokens, and where an item ends that only tests have.

use proc_macro2::{Delimiter, Group, TokenTree};

pub(crate) fn is_punct(token: Option<&TokenTree>, sign: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == sign)
}

pub(crate) fn is_word(token: Option<&TokenTree>, words: &[&str]) -> bool {
    matches!(token, Some(TokenTree::Ident(word)) if words.iter().any(|one| word == one))
}

pub(crate) fn is_cfg_test(attribute: &Group) -> bool {
    attribute.delimiter() == Delimiter::Bracket
        && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// Where the item ends that begins at `at`: after its block, or after its semicolon.
pub(crate) fn end_of_item(tokens: &[TokenTree], at: usize) -> usize {
    let ends_in_semicolon =
        |token: &TokenTree| is_word(Some(token), &["use", "const", "static", "type", "let"]);
    let mut to_semicolon = false;
    for (index, token) in tokens.iter().enumerate().skip(at) {
        to_semicolon |= ends_in_semicolon(token);
        let is_block = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_punct(Some(token), ';') || is_block && !to_semicolon {
            return index + 1;
        }
    }
    tokens.len()
}
