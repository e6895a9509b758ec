//! Contact points only: which node is behind each address of the URL, so that its connections go to that address and no
//! other. A forwarded port leads to a node whose own address cannot be reached from here.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use scylla::client::PoolSize;
use scylla::cluster::metadata::Peer;
use scylla::errors::TranslationError;
use scylla::policies::address_translator::{AddressTranslator, UntranslatedPeer};
use scylla::policies::host_filter::HostFilter;
use uuid::Uuid;

use crate::connect::{Settings, base_builder};
use crate::failure::{Failure, Status};

/// The nodes behind the contact points.
#[derive(Default)]
pub struct ContactPoints {
    addresses: HashMap<Uuid, SocketAddr>,
}

impl ContactPoints {
    pub fn address_of(&self, host: &Uuid) -> Option<SocketAddr> {
        self.addresses.get(host).copied()
    }
}

impl HostFilter for ContactPoints {
    fn accept(&self, peer: &Peer) -> bool {
        self.addresses.contains_key(&peer.host_id)
    }
}

#[async_trait]
impl AddressTranslator for ContactPoints {
    async fn translate_address(&self, peer: &UntranslatedPeer) -> Result<SocketAddr, TranslationError> {
        self.address_of(&peer.host_id()).ok_or(TranslationError::NoRuleForHost(peer.host_id()))
    }
}

/// Asks each address who it is. Those that do not answer are passed over while one does.
pub async fn find(settings: &Settings) -> Result<ContactPoints, Failure> {
    let mut found = ContactPoints::default();
    let mut failure = None;
    for name in &settings.contact_points {
        match tokio::net::lookup_host(name).await {
            Ok(addresses) => {
                for address in addresses {
                    match host_at(settings, address).await {
                        Ok(host) => {
                            found.addresses.entry(host).or_insert(address);
                        }
                        Err(error) => failure = failure.or(Some(error)),
                    }
                }
            }
            Err(error) => {
                failure = failure.or(Some(Failure::new(Status::NoConnection, format!("no such host: {name}: {error}"))));
            }
        }
    }
    match failure {
        Some(failure) if found.addresses.is_empty() => Err(failure),
        _ => Ok(found),
    }
}

/// Takes the first node that the cluster tells of for the one at this address: whichever it is called, what answers is it.
struct OnlyAddress {
    address: SocketAddr,
    node: OnceLock<Uuid>,
}

impl HostFilter for OnlyAddress {
    fn accept(&self, peer: &Peer) -> bool {
        *self.node.get_or_init(|| peer.host_id) == peer.host_id
    }
}

#[async_trait]
impl AddressTranslator for OnlyAddress {
    async fn translate_address(&self, _: &UntranslatedPeer) -> Result<SocketAddr, TranslationError> {
        Ok(self.address)
    }
}

/// The id of the node that answers at an address.
async fn host_at(settings: &Settings, address: SocketAddr) -> Result<Uuid, Failure> {
    let only = Arc::new(OnlyAddress { address, node: OnceLock::new() });
    let session = base_builder(settings)?
        .known_node_addr(address)
        .pool_size(PoolSize::PerHost(NonZeroUsize::MIN))
        .fetch_schema_metadata(false)
        .fetch_full_schema_metadata(false)
        .host_filter(only.clone())
        .address_translator(only)
        .build()
        .await
        .map_err(|error| Failure::from(&error))?;
    let answer = session
        .query_unpaged("SELECT host_id FROM system.local", &[])
        .await
        .map_err(|error| Failure::from(&error))?;
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Status::NoConnection, format!("{address} does not say which node it is: {error}"))
    };
    let rows = answer.into_rows_result().map_err(|error| unreadable(&error))?;
    let (host,) = rows.first_row::<(Uuid,)>().map_err(|error| unreadable(&error))?;
    Ok(host)
}
