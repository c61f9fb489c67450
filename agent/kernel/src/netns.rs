//! Network namespaces, named in `/run/netns` as iproute2 names them, so that `ip netns` and braid see the same ones.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
            process::CommandExt,
        },
    },
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
    sys::statfs::{self, FsType},
};
use thiserror::Error;

const RUN_DIR: &str = "/run/netns";
/// The file system type of namespace handles (`NSFS_MAGIC` of linux/magic.h).
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// Why a namespace could not be made, opened, entered or removed.
#[derive(Debug, Error)]
pub enum NetnsError {
    /// A namespace of that name is there already.
    #[error("network namespace `{name}` exists already; remove it with `ip netns delete {name}`")]
    Exists {
        /// The namespace's name.
        name: String,
    },
    /// No namespace has that name.
    #[error("there is no network namespace `{name}`; `ip netns list` shows those that are")]
    Missing {
        /// The namespace's name.
        name: String,
    },
    /// The text cannot name a file in `/run/netns`.
    #[error("`{name}` cannot name a network namespace: use 1 to 255 bytes with no `/`, not `.` and not `..`")]
    Name {
        /// The text, cut to 64 characters.
        name: String,
    },
    /// The process is gone, or a zombie.
    #[error("there is no process {pid}")]
    NoSuchProcess {
        /// The process id.
        pid: i32,
    },
    /// A system call failed.
    #[error("cannot {operation} network namespace `{name}`: {source}")]
    System {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The namespace's name, or how it was reached.
        name: String,
        /// The kernel's answer.
        source: io::Error,
    },
}

impl NetnsError {
    fn system(operation: &'static str, name: &str, source: impl Into<io::Error>) -> Self {
        Self::System { operation, name: name.to_owned(), source: source.into() }
    }
}

/// An open network namespace. The handle keeps the namespace alive, also after its name is deleted; clones share it.
#[derive(Clone, Debug)]
pub struct Netns {
    fd: Arc<OwnedFd>,
    name: Option<Arc<str>>,
    inode: u64,
}

impl Netns {
    /// The namespace of the calling thread.
    ///
    /// # Errors
    /// [`NetnsError::System`] where `/proc` is not mounted.
    pub fn current() -> Result<Self, NetnsError> {
        let file = File::open("/proc/thread-self/ns/net")
            .map_err(|error| NetnsError::system("open", "of this thread", error))?;
        Self::of_file(file, None).map_err(|error| NetnsError::system("open", "of this thread", error))
    }

    /// Makes a namespace of this name. Its loopback interface is down, as the kernel leaves it. A plain file left
    /// behind by a crash between making the name and mounting the namespace on it is taken over.
    ///
    /// # Errors
    /// [`NetnsError::Exists`] if there is one of that name, [`NetnsError::Name`] for an impossible name,
    /// [`NetnsError::System`] for the rest (not root, no room).
    pub fn create(name: &str) -> Result<Self, NetnsError> {
        let path = path_of(name)?;
        let failed = |error: io::Error| NetnsError::system("create", name, error);
        let _lock = lock_run_dir().map_err(failed)?;
        let fresh = match OpenOptions::new().read(true).write(true).create_new(true).mode(0o000).open(&path) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_namespace(&path).map_err(failed)? {
                    return Err(NetnsError::Exists { name: name.to_owned() });
                }
                false
            }
            Err(error) => return Err(failed(error)),
        };
        let made = on_thread(|| -> io::Result<File> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            let own = Path::new("/proc/thread-self/ns/net");
            mount(Some(own), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            File::open(own)
        })
        .and_then(|made| made)
        .and_then(|file| Self::of_file(file, Some(name)));
        if made.is_err() && fresh {
            let _ = fs::remove_file(&path);
        }
        made.map_err(failed)
    }

    /// Opens the namespace of this name.
    ///
    /// # Errors
    /// [`NetnsError::Missing`] if there is none, [`NetnsError::Name`] for an impossible name.
    pub fn open(name: &str) -> Result<Self, NetnsError> {
        let path = path_of(name)?;
        let missing = || NetnsError::Missing { name: name.to_owned() };
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(missing()),
            Err(error) => return Err(NetnsError::system("open", name, error)),
        };
        let kind = statfs::fstatfs(&file).map_err(|errno| NetnsError::system("open", name, errno))?;
        if kind.filesystem_type() != NSFS_MAGIC {
            return Err(missing());
        }
        Self::of_file(file, Some(name)).map_err(|error| NetnsError::system("open", name, error))
    }

    /// Opens the namespace of this name, making it if there is none.
    ///
    /// # Errors
    /// As [`Netns::create`] without [`NetnsError::Exists`].
    pub fn open_or_create(name: &str) -> Result<Self, NetnsError> {
        loop {
            match Self::open(name) {
                Err(NetnsError::Missing { .. }) => {}
                other => return other,
            }
            match Self::create(name) {
                // Someone else was quicker.
                Err(NetnsError::Exists { .. }) => {}
                other => return other,
            }
        }
    }

    /// Opens the namespace that a process is in.
    ///
    /// # Errors
    /// [`NetnsError::NoSuchProcess`] if it is gone or a zombie.
    pub fn of_pid(pid: i32) -> Result<Self, NetnsError> {
        let label = format!("of process {pid}");
        match File::open(format!("/proc/{pid}/ns/net")) {
            Ok(file) => Self::of_file(file, None).map_err(|error| NetnsError::system("open", &label, error)),
            Err(error) if is_gone(&error) => Err(NetnsError::NoSuchProcess { pid }),
            Err(error) => Err(NetnsError::system("open", &label, error)),
        }
    }

    /// Removes the name. The namespace itself, and its interfaces, go when the last process and handle in it are gone.
    /// A name that is not there is fine.
    ///
    /// # Errors
    /// [`NetnsError::Name`] for an impossible name, [`NetnsError::System`] for the rest.
    pub fn delete(name: &str) -> Result<(), NetnsError> {
        let path = path_of(name)?;
        let failed = |error: io::Error| NetnsError::system("delete", name, error);
        if !Path::new(RUN_DIR).exists() {
            return Ok(());
        }
        let _lock = lock_run_dir().map_err(failed)?;
        loop {
            match umount2(&path, MntFlags::MNT_DETACH) {
                // Mounts can be stacked on one name: peel them all.
                Ok(()) => {}
                Err(Errno::EINVAL | Errno::ENOENT) => break,
                Err(errno) => return Err(failed(errno.into())),
            }
        }
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
            _ => Ok(()),
        }
    }

    /// The names in `/run/netns`, sorted. Leftover names with no namespace behind them are among them, so that
    /// [`Netns::delete`] over this list leaves nothing.
    ///
    /// # Errors
    /// [`NetnsError::System`] if the directory cannot be read; that it is missing is fine.
    pub fn list() -> Result<Vec<String>, NetnsError> {
        let entries = match fs::read_dir(RUN_DIR) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(NetnsError::system("list", RUN_DIR, error)),
        };
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.ok().and_then(|entry| entry.file_name().into_string().ok()))
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// The inode number that identifies the namespace while it lives (`/proc/PID/ns/net` shows the same).
    #[must_use]
    pub fn inode(&self) -> u64 {
        self.inode
    }

    /// The name it was opened by; `None` for [`Netns::current`] and [`Netns::of_pid`].
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Runs `f` on a fresh thread that has entered the namespace, and waits for it. The calling thread stays where it
    /// is. Open sockets in `f` and hand them back: a socket belongs for ever to the namespace it was opened in. A panic
    /// in `f` goes on in the caller.
    ///
    /// # Errors
    /// [`NetnsError::System`] if no thread can be had, or the namespace may not be entered.
    pub fn run<T: Send>(&self, f: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        let failed = |error: io::Error| NetnsError::system("enter", &self.label(), error);
        on_thread(|| -> io::Result<T> {
            setns(&self.fd, CloneFlags::CLONE_NEWNET)?;
            Ok(f())
        })
        .and_then(|done| done)
        .map_err(failed)
    }

    /// A command whose process enters this namespace before it becomes `program`. Unlike `ip netns exec` it keeps the
    /// caller's mounts, so `/sys/class/net` in it still shows the caller's interfaces; `/proc/sys/net` is right.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        let fd = Arc::clone(&self.fd);
        let enter = move || setns(&fd, CloneFlags::CLONE_NEWNET).map_err(io::Error::from);
        // SAFETY: between fork and exec the closure makes one system call, setns, on a descriptor that the closure
        // itself keeps open; it takes no lock and allocates nothing.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(enter);
        }
        command
    }

    /// The processes whose network namespace this is, by process id, sorted.
    ///
    /// # Errors
    /// [`NetnsError::System`] if `/proc` cannot be read.
    pub fn pids(&self) -> Result<Vec<i32>, NetnsError> {
        let found = pids_in(std::slice::from_ref(self))
            .map_err(|error| NetnsError::system("list the processes of", &self.label(), error))?;
        Ok(found.into_iter().map(|(pid, _)| pid).collect())
    }

    /// How messages call the namespace: by its name if it has one.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => name.to_string(),
            None => format!("net:[{}]", self.inode),
        }
    }

    fn of_file(file: File, name: Option<&str>) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        Ok(Self { fd: Arc::new(file.into()), name: name.map(Arc::from), inode })
    }
}

impl AsFd for Netns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl PartialEq for Netns {
    /// Two handles are equal when they are of the same namespace, whatever name it was opened by.
    fn eq(&self, other: &Self) -> bool {
        self.inode == other.inode
    }
}

impl Eq for Netns {}

/// The processes in any of these namespaces, as pairs of process id and namespace inode, by process id; one scan of
/// `/proc` for all. Processes that come or go meanwhile may or may not be among them; zombies are not.
///
/// # Errors
/// If `/proc` cannot be listed.
pub fn pids_in(namespaces: &[Netns]) -> io::Result<Vec<(i32, u64)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let Ok(metadata) = fs::metadata(format!("/proc/{pid}/ns/net")) else { continue };
        let inode = metadata.ino();
        if namespaces.iter().any(|namespace| namespace.inode == inode) {
            found.push((pid, inode));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn path_of(name: &str) -> Result<PathBuf, NetnsError> {
    let bad =
        name.is_empty() || name.len() > 255 || name == "." || name == ".." || name.contains(['/', '\0']);
    if bad {
        return Err(NetnsError::Name { name: name.chars().take(64).collect() });
    }
    Ok(Path::new(RUN_DIR).join(name))
}

fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(Errno::ESRCH as i32)
}

fn is_namespace(path: &Path) -> io::Result<bool> {
    Ok(statfs::statfs(path)?.filesystem_type() == NSFS_MAGIC)
}

/// Makes `/run/netns` ready as iproute2 does, a shared mount, so that names made in one mount namespace are seen (and
/// vanish) in the others; and locks it, as iproute2 does too, against doing that twice at once.
fn lock_run_dir() -> io::Result<Flock<File>> {
    match fs::DirBuilder::new().mode(0o755).create(RUN_DIR) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let lock = Flock::lock(File::open(RUN_DIR)?, FlockArg::LockExclusive).map_err(|(_, errno)| errno)?;
    let share =
        || mount(None::<&str>, RUN_DIR, None::<&str>, MsFlags::MS_SHARED | MsFlags::MS_REC, None::<&str>);
    if share() == Err(Errno::EINVAL) {
        mount(Some(RUN_DIR), RUN_DIR, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)?;
        share()?;
    }
    Ok(lock)
}

/// Runs `f` on a thread of its own, so that what it does to its namespace ends with it.
fn on_thread<T: Send>(f: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, f)?;
        thread.join().or_else(|panic| std::panic::resume_unwind(panic))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_the_directory() {
        for bad in ["", ".", "..", "a/b", "../x", "a\0b", &"x".repeat(256)] {
            assert!(matches!(Netns::open(bad), Err(NetnsError::Name { .. })), "{bad:?}");
            assert!(matches!(Netns::delete(bad), Err(NetnsError::Name { .. })), "{bad:?}");
        }
    }

    #[test]
    fn two_handles_of_one_namespace_are_equal() {
        let (a, b) = (Netns::current().unwrap(), Netns::of_pid(std::process::id() as i32).unwrap());
        assert_eq!(a, b);
        assert!(a.pids().unwrap().contains(&(std::process::id() as i32)));
    }
}
