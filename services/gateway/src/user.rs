//! From the name that a token proves to the user of the contract.

use minuet_events::values::UserId;
use minuet_http::{Problem, ProblemType};
use minuet_identity::{ADMIN_PREFIX, Identity};

/// The user of a request. Every name that a token may carry is a user's id of the contract.
pub(crate) fn user_id(identity: &Identity) -> Result<UserId, Problem> {
    UserId::parse(identity.user.as_str())
        .map_err(|error| Problem::new(ProblemType::INVALID_REQUEST, format!("the token's sub: {error}")))
}

/// The admin of a request, as events name him beside users.
pub(crate) fn admin_id(identity: &Identity) -> Result<UserId, Problem> {
    UserId::parse(&format!("{ADMIN_PREFIX}{}", identity.user)).map_err(|error| {
        let detail = format!("the token's sub is too long for an admin: {error}");
        Problem::new(ProblemType::INVALID_REQUEST, detail)
    })
}

#[cfg(test)]
mod tests {
    use minuet_identity::UserName;

    use super::*;

    fn identity(name: &str) -> Identity {
        Identity { user: UserName::parse(name).unwrap(), admin: true }
    }

    #[test]
    fn every_name_of_a_token_is_a_user() {
        for name in ["a", &"n".repeat(128), &"\u{1fad6}".repeat(128), "anna of the shop", "Größe"] {
            assert_eq!(user_id(&identity(name)).unwrap().as_str(), name);
        }
    }

    #[test]
    fn an_admin_is_marked_and_has_a_shorter_name() {
        assert_eq!(admin_id(&identity("boss")).unwrap().as_str(), "admin:boss");
        assert_eq!(
            admin_id(&identity(&"n".repeat(128))).unwrap_err().problem_type(),
            ProblemType::INVALID_REQUEST
        );
    }
}
