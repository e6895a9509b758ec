//! A session: the driver's, and the threads it runs on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use scylla::client::session_builder::SessionBuilder;
use scylla::client::{Compression, PoolSize};
use scylla::cluster::Node;
use scylla::policies::retry::FallthroughRetryPolicy;
use tokio::runtime::{Builder, Runtime};

use crate::contact_points::{self, ContactPoints};
use crate::failure::{Failure, Status};
use crate::queue::{Outcome, Promise};
use crate::tls;

/// A node that does not answer to a keepalive loses its connections after interval + timeout.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(3);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Nodes of several versions never agree on the schema (src/execute.rs).
const AGREEMENT_TIMEOUT: Duration = Duration::from_secs(10);

type Driver = scylla::client::session::Session;

pub struct Settings {
    pub contact_points: Vec<String>,
    pub keyspace: Option<String>,
    pub local_datacenter: Option<String>,
    pub login: Option<(String, String)>,
    pub tls: Option<tls::Settings>,
    pub connect_timeout: Duration,
    pub connections_per_host: usize,
    pub threads: usize,
    pub lz4: bool,
    pub contact_points_only: bool,
}

pub struct Session {
    pub driver: Arc<Driver>,
    pub local_datacenter: Option<String>,
    /// Empty without TLS.
    pub certificates: Arc<tls::Seen>,
    contact_points: Option<Arc<ContactPoints>>,
    runtime: Option<Runtime>,
}

impl Session {
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(future);
        }
    }

    pub fn is_local(&self, node: &Node) -> bool {
        self.local_datacenter.is_none() || node.datacenter == self.local_datacenter
    }

    /// Where connections to the node go.
    pub fn address_of(&self, node: &Node) -> SocketAddr {
        let translated = self.contact_points.as_ref().and_then(|points| points.address_of(&node.host_id));
        translated.unwrap_or_else(|| SocketAddr::new(node.address.ip(), node.address.port()))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(CLOSE_TIMEOUT);
        }
    }
}

pub fn connect(settings: Settings, promise: Promise) {
    // A thread of its own: the runtime cannot be handed over from a thread that it owns.
    let thread = std::thread::Builder::new().name("rf-connect".into());
    let spawned = thread.spawn(move || {
        let result = open(settings).map(|session| Outcome::Session(Box::new(session)));
        promise.fulfil(result);
    });
    // A thread that was not made has dropped the promise, which is an answer.
    drop(spawned);
}

fn open(settings: Settings) -> Result<Session, Failure> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(settings.threads.max(1))
        .thread_name("rf-driver")
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Status::Internal, format!("no threads for the driver: {error}")))?;
    let opened = runtime.block_on(async {
        // Each address is tried for the connect timeout; the schema is read within a longer one.
        let limit = settings.connect_timeout * (settings.contact_points.len() as u32 + 2);
        match tokio::time::timeout(limit, build(&settings)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::new(Status::NoConnection, format!("no session within {} ms", limit.as_millis()))),
        }
    });
    match opened {
        Ok((driver, contact_points)) => Ok(Session {
            driver: Arc::new(driver),
            local_datacenter: settings.local_datacenter,
            certificates: settings.tls.map(|tls| tls.seen).unwrap_or_default(),
            contact_points,
            runtime: Some(runtime),
        }),
        Err(failure) => {
            runtime.shutdown_timeout(CLOSE_TIMEOUT);
            Err(failure)
        }
    }
}

async fn build(settings: &Settings) -> Result<(Driver, Option<Arc<ContactPoints>>), Failure> {
    let connections = NonZeroUsize::new(settings.connections_per_host).unwrap_or(NonZeroUsize::MIN);
    let mut builder = base_builder(settings)?
        .known_nodes(&settings.contact_points)
        .pool_size(PoolSize::PerHost(connections))
        // Replicas are told by replication and tokens alone: of tables and types nothing need be understood.
        .fetch_full_schema_metadata(false);
    if let Some(keyspace) = &settings.keyspace {
        builder = builder.keyspaces_to_fetch([keyspace]);
    }
    if let Some(name) = &settings.local_datacenter {
        builder = builder.prefer_datacenter(name.clone());
    }
    let mut contact_points = None;
    if settings.contact_points_only {
        let found = Arc::new(contact_points::find(settings).await?);
        builder = builder.host_filter(found.clone()).address_translator(found.clone());
        contact_points = Some(found);
    }
    let driver = builder.build().await.map_err(|error| Failure::from(&error))?;
    // Where its first look at the cluster failed, the driver goes on with what it was told: no replica would be known.
    if driver.get_cluster_state().cluster_name().is_empty() {
        driver.refresh_metadata().await.map_err(|error| Failure::of_metadata(&error))?;
    }
    if let Some(name) = &settings.local_datacenter {
        check_datacenter(name, &driver)?;
    }
    Ok((driver, contact_points))
}

fn check_datacenter(name: &str, driver: &Driver) -> Result<(), Failure> {
    let state = driver.get_cluster_state();
    let found: BTreeSet<&str> = state.get_nodes_info().iter().filter_map(|node| node.datacenter.as_deref()).collect();
    if found.contains(name) {
        return Ok(());
    }
    let names = found.into_iter().collect::<Vec<_>>().join(", ");
    let words = format!("no node is in the data centre {name}; those of the cluster are {names}");
    Err(Failure::new(Status::Invalid, words))
}

/// How any connection of these settings is made.
pub fn base_builder(settings: &Settings) -> Result<SessionBuilder, Failure> {
    // Who retries, and where, is the caller's to say.
    let profile = scylla::client::execution_profile::ExecutionProfile::builder()
        .retry_policy(Arc::new(FallthroughRetryPolicy::new()))
        .build();
    let mut builder = SessionBuilder::new()
        .connection_timeout(settings.connect_timeout)
        .schema_agreement_timeout(AGREEMENT_TIMEOUT)
        .keepalive_interval(KEEPALIVE_INTERVAL)
        .keepalive_timeout(KEEPALIVE_TIMEOUT)
        .hostname_resolution_timeout(Some(settings.connect_timeout))
        .compression(settings.lz4.then_some(Compression::Lz4))
        .default_execution_profile_handle(profile.into_handle());
    if let Some((user, password)) = &settings.login {
        builder = builder.user(user, password);
    }
    if let Some(tls) = &settings.tls {
        builder = builder.tls_context(Some(tls::client_config(tls)?));
    }
    Ok(builder)
}
