//! Serving: all in one process, or one of them, until a signal says to stop.

use std::future::{Future, IntoFuture as _};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use axum::Router;
use rustls::ServerConfig;
use tokio::net::TcpListener;

use crate::banner;
use crate::billing::{self, Callers};
use crate::certificates;
use crate::cli::{All, Cli, Command};
use crate::google::Accounts;
use crate::orders::Orders;
use crate::tls::TlsListener;

pub(crate) async fn run(cli: Cli) -> anyhow::Result<()> {
    match cli.command {
        None => all(&cli.all).await,
        Some(Command::Certificates { folder }) => {
            certificates::make(&folder)?;
            banner::print(format!("The certificates are in {}\n", folder.display()));
            Ok(())
        }
        Some(Command::Orders { folder, listen, billing }) => {
            let socket = Socket::open(listen, &folder, "orders").await?;
            let orders = Orders::new(&socket.url, &billing, &folder)?;
            let text = banner::one("Orders", &socket.url, &orders.tokens()?);
            let service = orders.router()?;
            until_stopped(text, async { socket.serve(service).await }).await
        }
        Some(Command::Billing { folder, listen, orders, google, trust }) => {
            let socket = Socket::open(listen, &folder, "billing").await?;
            let callers = Callers { orders: &orders, google: &google, trust };
            let service = billing::router(&socket.url, &folder, &callers)?;
            let text = banner::one("Billing", &socket.url, &[]);
            until_stopped(text, async { socket.serve(service).await }).await
        }
        Some(Command::Google { folder, listen, billing }) => {
            let socket = Socket::open(listen, &folder, "google").await?;
            let accounts = Accounts::new()?;
            let text = banner::one("Google", &socket.url, &accounts.tokens(&billing)?);
            until_stopped(text, async { socket.serve(accounts.router()).await }).await
        }
    }
}

/// Everything at once. The sockets come first, since each service is known to the others by its port.
async fn all(options: &All) -> anyhow::Result<()> {
    // removed at the end
    let folder = tempfile::tempdir().context("making a temporary folder")?;
    certificates::make(folder.path())?;
    let orders = Socket::open(options.orders, folder.path(), "orders").await?;
    let billing = Socket::open(options.billing, folder.path(), "billing").await?;
    let google = Socket::open(options.google, folder.path(), "google").await?;

    let callers = Callers { orders: &orders.url, google: &google.url, trust: options.trust };
    let service_of_billing = billing::router(&billing.url, folder.path(), &callers)?;
    let service_of_orders = Orders::new(&orders.url, &billing.url, folder.path())?;
    let accounts = Accounts::new()?;
    let mut tokens = service_of_orders.tokens()?;
    tokens.extend(accounts.tokens(&billing.url)?);
    let text = banner::all(folder.path(), &orders.url, &billing.url, &google.url, &tokens);
    let service_of_orders = service_of_orders.router()?;

    let serving = async {
        tokio::try_join!(
            orders.serve(service_of_orders),
            billing.serve(service_of_billing),
            google.serve(accounts.router()),
        )?;
        Ok(())
    };
    until_stopped(text, serving).await
}

/// Where a service listens, and under which name others know it.
struct Socket {
    socket: TcpListener,
    tls: Arc<ServerConfig>,
    url: String,
}

impl Socket {
    async fn open(listen: SocketAddr, folder: &Path, service: &str) -> anyhow::Result<Self> {
        let tls = certificates::server(folder, service)?;
        let socket = TcpListener::bind(listen)
            .await
            .with_context(|| format!("{service}: listening on {listen}"))?;
        let url = format!("https://localhost:{}", socket.local_addr()?.port());
        Ok(Self { socket, tls, url })
    }

    async fn serve(self, service: Router) -> anyhow::Result<()> {
        let listener = TlsListener::new(self.socket, self.tls);
        Ok(axum::serve(listener, service).into_future().await?)
    }
}

/// Prints this and serves. A call that is under way at the end is cut off, which a demonstration can afford.
async fn until_stopped(
    text: String,
    serving: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    // before the banner, so that whoever has read it may stop the program
    let stopped = stopped()?;
    banner::print(text);
    tokio::select! {
        result = serving => result,
        result = stopped => result,
    }
}

/// Ctrl-C, or what process managers send.
#[cfg(unix)]
fn stopped() -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Ctrl-C.
#[cfg(not(unix))]
fn stopped() -> anyhow::Result<impl Future<Output = anyhow::Result<()>>> {
    Ok(async { Ok(tokio::signal::ctrl_c().await?) })
}
