//! Passwords of the local cluster: random, in files that only we can read, and in no log.

use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::error::{StackError, Tried};

/// The password that the file holds; a new one if there is no such file.
pub(crate) fn provide(file: &Path) -> Result<String, StackError> {
    match std::fs::read_to_string(file) {
        Ok(password) if !password.is_empty() => return Ok(password),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).tried(|| format!("could not read {}", file.display()));
        }
        _ => {}
    }
    let mut random = [0; 24];
    std::fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut random))
        .tried(|| "could not read /dev/urandom".to_owned())?;
    // Hexadecimal digits need no quoting, neither in a URL nor in SQL.
    let password = hex::encode(random);
    write_private(file, &password)?;
    Ok(password)
}

/// Writes a file of mode 0600.
pub(crate) fn write_private(file: &Path, content: &str) -> Result<(), StackError> {
    OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(file)
        .and_then(|mut opened| opened.write_all(content.as_bytes()))
        .tried(|| format!("could not write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_password_is_made_once_and_is_private() {
        let file = std::env::temp_dir().join(format!("minuet-password-{}", std::process::id()));
        let password = provide(&file).unwrap();
        assert_eq!(password.len(), 48);
        assert_eq!(provide(&file).unwrap(), password);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::remove_file(file).unwrap();
    }
}
