//! The proxies, each configured by its recipe in docs/gate.md, with the addresses of a test in place of its own.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use portcullis_support::Program;

const PAGE: &str = include_str!("../../../../docs/gate.md");

/// What stands in front of the gate and the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Front {
    Nginx,
    Caddy,
}

impl Front {
    pub(crate) const fn program(self) -> Program {
        match self {
            Self::Nginx => Program::NGINX,
            Self::Caddy => Program::CADDY,
        }
    }

    /// What starts it, with all that it writes in this folder.
    pub(crate) fn command(
        self,
        folder: &Path,
        port: u16,
        gate: SocketAddr,
        service: SocketAddr,
    ) -> io::Result<Command> {
        let config = folder.join("proxy.conf");
        let mut command = Command::new(self.program().path());
        match self {
            Self::Nginx => {
                std::fs::write(&config, nginx(folder, port, gate, service))?;
                command.arg("-p").arg(folder).arg("-c").arg(&config).args(["-e", "stderr"]);
            }
            Self::Caddy => {
                std::fs::write(&config, caddy(port, gate, service))?;
                command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&config);
                for variable in ["HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
                    command.env(variable, folder);
                }
            }
        }
        Ok(command)
    }
}

/// The recipe in this language, with these texts in place of those, each of which is there once.
fn recipe<const N: usize>(language: &str, changes: [(&str, String); N]) -> String {
    let fence = format!("```{language}\n");
    let text = PAGE.split(&fence).nth(1).unwrap().split("```").next().unwrap();
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}

fn nginx(folder: &Path, port: u16, gate: SocketAddr, service: SocketAddr) -> String {
    let recipe = recipe(
        "nginx",
        [
            ("listen 80;", format!("listen 127.0.0.1:{port};")),
            ("server 127.0.0.1:8080;", format!("server {gate};")),
            ("http://127.0.0.1:3000;", format!("http://{service};")),
        ],
    );
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {folder}/{name};\n"))
        .collect();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr info;\nevents {{}}\n\
         http {{\naccess_log off;\n{temporary}{recipe}}}\n"
    )
}

fn caddy(port: u16, gate: SocketAddr, service: SocketAddr) -> String {
    let recipe = recipe(
        "caddyfile",
        [
            ("app.example.com {", format!("http://127.0.0.1:{port} {{\n\tbind 127.0.0.1")),
            ("127.0.0.1:8080", gate.to_string()),
            ("127.0.0.1:3000", service.to_string()),
        ],
    );
    format!("{{\n\tadmin off\n}}\n{recipe}")
}
