/// The reason why a token is refused. It tells its bearer no more than a bearer may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The text is no JSON Web Token, or a claim comes twice.
    Malformed,
    /// No configured key has this `kid` and this algorithm, or the token demands an extension.
    Algorithm,
    /// The signature does not match.
    Signature,
    /// `exp` has passed.
    Expired,
    /// `nbf` has not come yet.
    NotYetValid,
    /// A claim is missing, has the wrong form, or has a value that is not accepted.
    Claims,
}

impl Refused {
    /// The reason for people.
    pub fn detail(self) -> &'static str {
        match self {
            Refused::Malformed => "the bearer token is not a JSON Web Token",
            Refused::Algorithm => "the token is signed with a key or an algorithm that is not accepted here",
            Refused::Signature => "the token's signature does not match",
            Refused::Expired => "the token has expired",
            Refused::NotYetValid => "the token is not valid yet",
            Refused::Claims => {
                "a claim of the token (exp, nbf, sub, iss, aud or scope) is missing or not accepted here"
            }
        }
    }
}
