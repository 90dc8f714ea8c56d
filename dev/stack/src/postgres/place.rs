//! Where the cluster lies: below the root, or where the user postgres can reach it.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use super::install::Account;
use crate::error::{StackError, Tried, create_folder};

const ELSEWHERE: &str = "/var/tmp";

/// The folder of the cluster, created, owned by its user and closed to others. `<root>/postgres` is it, or links to it.
pub(super) fn provide(root: &Path, account: Account) -> Result<PathBuf, StackError> {
    let below = root.join("postgres");
    let far = Path::new(ELSEWHERE).join(format!("minuet-{:016x}", hash(root)));
    let links_to = std::fs::read_link(&below).ok();
    if links_to.as_ref() == Some(&far) && far.is_dir() {
        return owned(far, account);
    }
    if links_to.is_some() {
        // It came with a copy of another checkout, whose cluster it shows, or its target was removed.
        std::fs::remove_file(&below).tried(|| format!("could not remove {}", below.display()))?;
    }
    create_folder(&below)?;
    close(&below, account)?;
    if account.reaches(&below) {
        return Ok(below);
    }

    std::fs::remove_dir(&below).tried(|| format!("could not replace {} by a link", below.display()))?;
    if far.exists() {
        // Left behind by a root of the same name that was removed without it.
        let leftover = owned(far.clone(), account)?;
        std::fs::remove_dir_all(&leftover).tried(|| format!("could not remove {}", leftover.display()))?;
    }
    // The link comes first: who cleans up after us finds by it what to remove.
    symlink(&far, &below).tried(|| format!("could not link {}", below.display()))?;
    // Not create_dir_all: in a folder open to everybody, what is there already is not ours.
    std::fs::DirBuilder::new()
        .mode(0o700)
        .create(&far)
        .tried(|| format!("could not create the folder {}", far.display()))?;
    close(&far, account)?;
    Ok(far)
}

fn close(folder: &Path, account: Account) -> Result<(), StackError> {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))
        .tried(|| format!("could not close {} to others", folder.display()))?;
    account.own(folder)
}

fn owned(folder: PathBuf, account: Account) -> Result<PathBuf, StackError> {
    let metadata =
        std::fs::symlink_metadata(&folder).tried(|| format!("could not look at {}", folder.display()))?;
    if metadata.is_dir() && account.owns(&metadata) {
        return Ok(folder);
    }
    Err(std::io::Error::from(std::io::ErrorKind::PermissionDenied))
        .tried(|| format!("{} is not a folder of the user postgres; remove it", folder.display()))
}

/// FNV-1a: the standard library's hashes may differ from one compiler to the next, and the data with them.
fn hash(path: &Path) -> u64 {
    path.as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(hash(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
    }
}
