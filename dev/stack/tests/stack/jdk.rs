use std::path::Path;

use minuet_stack::java::{Places, newest};

use crate::support::{error, root};

fn install(home: &Path, release: &str) {
    std::fs::create_dir_all(home.join("bin")).unwrap();
    std::fs::write(home.join("bin/java"), "").unwrap();
    std::fs::write(home.join("release"), format!("IMPLEMENTOR=\"x\"\nJAVA_VERSION=\"{release}\"\n")).unwrap();
}

#[test]
fn the_newest_of_all_places_is_taken_and_an_old_one_named() {
    let folder = root("jdk");
    let (home, path, installed) = (folder.join("home"), folder.join("path"), folder.join("installed"));
    install(&home, "21.0.9");
    install(&path, "17.0.15");
    install(&installed.join("jdk-25"), "25.0.3");
    install(&installed.join("jdk-8"), "1.8.0_402");

    let search_path = Some(path.join("bin").into_os_string());
    let all =
        Places { home: Some(home.clone().into()), path: search_path.clone(), installed: installed.clone() };
    assert_eq!(newest(&all).unwrap(), installed.join("jdk-25/bin/java"));
    let fewer =
        Places { home: Some(home.clone().into()), path: search_path.clone(), installed: path.clone() };
    assert_eq!(newest(&fewer).unwrap(), home.join("bin/java"));

    let old = Places { home: None, path: search_path, installed: path };
    let message = error(newest(&old)).to_string();
    for named in ["21 or newer", "JAVA_HOME is not set", "path/bin/java of version 17"] {
        assert!(message.contains(named), "{message}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}
