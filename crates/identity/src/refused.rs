/// Why a token is not believed. Says no more than its bearer may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Malformed,
    Algorithm,
    Signature,
    Expired,
    NotYetValid,
    Claims,
}

impl Refused {
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
