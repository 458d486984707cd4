//! The programs that tests start beside Rust, and where each is.

use std::path::{Path, PathBuf};

/// A program that some test starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// The name of its file.
    pub name: &'static str,
    /// The variable that says where it is; `cargo xtask test` sets it.
    pub variable: &'static str,
}

impl Program {
    /// The server of Redis.
    pub const REDIS: Program =
        Program { name: "redis-server", variable: "PORTCULLIS_REDIS_SERVER" };
    /// The server of PostgreSQL. Beside it are `initdb` and `pg_ctl`.
    pub const POSTGRES: Program = Program { name: "postgres", variable: "PORTCULLIS_POSTGRES" };
    /// The proxy that asks `portcullis gate`.
    pub const NGINX: Program = Program { name: "nginx", variable: "PORTCULLIS_NGINX" };
    /// Another one.
    pub const CADDY: Program = Program { name: "caddy", variable: "PORTCULLIS_CADDY" };
    /// The browser of the sign-in example.
    pub const CHROMIUM: Program = Program { name: "chromium", variable: "PORTCULLIS_CHROMIUM" };
    /// What drives the browser.
    pub const NODE: Program = Program { name: "node", variable: "PORTCULLIS_NODE" };
    /// What brings the library that drives the browser.
    pub const NPM: Program = Program { name: "npm", variable: "PORTCULLIS_NPM" };

    /// The library that drives the browser: a folder, to be found by its variable only.
    pub const PLAYWRIGHT: Program =
        Program { name: "playwright-core", variable: "PORTCULLIS_PLAYWRIGHT" };

    /// All that are programs.
    pub const ALL: &[Program] = &[
        Program::REDIS,
        Program::POSTGRES,
        Program::NGINX,
        Program::CADDY,
        Program::CHROMIUM,
        Program::NODE,
        Program::NPM,
    ];

    /// Where it is: what the variable says, else the first on the `PATH`, else where Debian keeps the newest of several versions.
    #[must_use]
    pub fn find(&self) -> Option<PathBuf> {
        if let Some(chosen) = std::env::var_os(self.variable) {
            return Some(chosen.into());
        }
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path)
            .map(|directory| directory.join(self.name))
            .find(|file| file.is_file())
            .or_else(|| self.newest())
    }

    /// Several versions of PostgreSQL stand beside each other, none of them on the `PATH`.
    fn newest(&self) -> Option<PathBuf> {
        if *self != Self::POSTGRES {
            return None;
        }
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
        let version = |entry: std::fs::DirEntry| entry.file_name().to_str()?.parse().ok();
        let newest: u32 = versions.filter_map(version).max()?;
        let file = Path::new("/usr/lib/postgresql").join(newest.to_string()).join("bin/postgres");
        file.is_file().then_some(file)
    }

    /// Where it is, for a test that runs only if it was found.
    ///
    /// # Panics
    ///
    /// If it is nowhere: the test didn't say that it needs it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.find().unwrap_or_else(|| panic!("{} was not found: does the test need it?", self.name))
    }

    /// The directory with the programs that belong to it, links followed: Debian links to `postgres`, not to `initdb`.
    ///
    /// # Panics
    ///
    /// As [`path`](Self::path).
    #[must_use]
    pub fn directory(&self) -> PathBuf {
        let path = self.path();
        let real = path.canonicalize().unwrap_or(path);
        real.parent().map_or_else(PathBuf::new, Path::to_path_buf)
    }
}
