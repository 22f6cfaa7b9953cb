//! Where the file is: not on a file system whose locks cannot be trusted.

use std::path::{Path, PathBuf};

use esign_engine::esign_core::{Error, Result};

const NETWORKED: [&str; 8] = ["nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs"];

/// Refuses a file on a network file system, as far as the system says (Linux).
pub(crate) fn check(file: &Path) -> Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = folder.canonicalize().map_err(|e| {
        Error::config("engine.store", format!("the folder of {} cannot be used: {e}", file.display()))
    })?;
    let Ok(mounts) = std::fs::read_to_string("/proc/self/mounts") else { return Ok(()) };
    match kind_of(&folder, &mounts) {
        Some(kind) if NETWORKED.contains(&kind.as_str()) => {
            let message = format!(
                "{} is on a network file system ({kind}), whose locks cannot be trusted: use a local disk, or PostgreSQL",
                file.display()
            );
            Err(Error::config("engine.store", message))
        }
        _ => Ok(()),
    }
}

/// The type of the file system of a folder: that of the longest mount point above it.
fn kind_of(folder: &Path, mounts: &str) -> Option<String> {
    let rows = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        // The system writes a space in a path as \040.
        Some((PathBuf::from(words.next()?.replace("\\040", " ")), words.next()?.to_owned()))
    });
    let above = rows.filter(|(point, _)| folder.starts_with(point));
    above.max_by_key(|(point, _)| point.components().count()).map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_point_decides() {
        let mounts =
            "/dev/sda1 / ext4 rw 0 0\nserver:/x /srv nfs4 rw 0 0\n/dev/sdb1 /srv/local\\040disk xfs rw 0 0\n";
        let kind = |path: &str| kind_of(Path::new(path), mounts).unwrap();
        assert_eq!([kind("/home"), kind("/srv/a"), kind("/srv/local disk/a")], ["ext4", "nfs4", "xfs"]);
    }
}
