//! Prepared statements with raw values, and rows as slices of the received frame.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use scylla::cluster::{ClusterState, Node};
use scylla::deserialize::row::ColumnIterator;
use scylla::errors::ExecutionError;
use scylla::policies::load_balancing::{NodeIdentifier, SingleTargetLoadBalancingPolicy};
use scylla::routing::Token;
use scylla::response::query_result::{QueryResult, QueryRowsResult};
use scylla::response::{PagingState, PagingStateResponse};
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use scylla::statement::prepared::PreparedStatement;
use scylla::statement::unprepared::Statement as Unprepared;
use scylla::statement::{Consistency, SerialConsistency};

use crate::abi::RfBytes;
use crate::connect::Session;
use crate::failure::{Failure, Status};
use crate::queue::{Outcome, Promise};

pub struct Statement {
    prepared: PreparedStatement,
}

/// Values as CQL has them on the wire, in the order of the statement's bind markers.
pub struct Values(pub Vec<Option<Vec<u8>>>);

#[derive(Debug)]
struct TooLong;

impl std::fmt::Display for TooLong {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a value is longer than 2 GiB")
    }
}

impl std::error::Error for TooLong {}

impl SerializeRow for Values {
    fn serialize(&self, _: &RowSerializationContext<'_>, writer: &mut RowWriter) -> Result<(), SerializationError> {
        for value in &self.0 {
            let cell = writer.make_cell_writer();
            match value {
                Some(bytes) => {
                    cell.set_value(bytes).map_err(|_| SerializationError::new(TooLong))?;
                }
                None => {
                    cell.set_null();
                }
            }
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

pub struct Options {
    pub consistency: Consistency,
    pub serial_consistency: Option<SerialConsistency>,
    pub timeout: Duration,
    pub host: Option<[u8; 16]>,
    pub page_size: i32,
    pub paging_state: Option<Vec<u8>>,
}

/// The rows of one answer; `cells` point into `result`, whose memory does not move.
pub struct Rows {
    pub cells: Vec<RfBytes>,
    pub rows: usize,
    pub columns: usize,
    pub paging_state: Option<Vec<u8>>,
    pub result: QueryRowsResult,
}

// SAFETY: the pointers in `cells` are to immutable memory that `result` keeps, and go where it goes.
unsafe impl Send for Rows {}

/// Runs an operation on the session's threads; a panic in it is its failure.
pub fn spawn(
    session: &Session,
    promise: Promise,
    operation: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
) {
    session.spawn(async move {
        let result = AssertUnwindSafe(operation).catch_unwind().await.unwrap_or_else(|_| {
            let words = "the Cassandra driver met a bug and gave up this operation";
            Err(Failure::new(Status::Internal, words.into()).in_doubt())
        });
        promise.fulfil(result);
    });
}

pub fn prepare(session: &Session, promise: Promise, cql: String, timeout: Duration) {
    let driver = session.driver.clone();
    spawn(session, promise, async move {
        match tokio::time::timeout(timeout, driver.prepare(Unprepared::new(cql))).await {
            Ok(Ok(mut prepared)) => {
                // The answers need not name their columns again: less to send, and cells at known places.
                prepared.set_use_cached_result_metadata(true);
                Ok(Outcome::Statement(Box::new(Statement { prepared })))
            }
            Ok(Err(error)) => Err(Failure::from(&error)),
            Err(_) => Err(Failure::new(Status::Timeout, format!("not prepared within {} ms", timeout.as_millis()))),
        }
    });
}

pub fn execute(session: &Session, promise: Promise, statement: &Statement, values: Values, options: Options) {
    let driver = session.driver.clone();
    let mut prepared = statement.prepared.clone();
    prepared.set_consistency(options.consistency);
    prepared.set_serial_consistency(options.serial_consistency);
    prepared.set_request_timeout(Some(options.timeout));
    if let Some(id) = options.host {
        let target = NodeIdentifier::HostId(uuid_of(id));
        prepared.set_load_balancing_policy(Some(SingleTargetLoadBalancingPolicy::new(target, None)));
    }
    spawn(session, promise, async move {
        let (result, paging_state) = if options.page_size > 0 {
            prepared.set_page_size(options.page_size);
            let state = match options.paging_state {
                Some(bytes) => PagingState::new_from_raw_bytes(bytes),
                None => PagingState::start(),
            };
            driver.execute_single_page(&prepared, values, state).await.map_err(|error| Failure::from(&error))?
        } else {
            match driver.execute_unpaged(&prepared, values).await {
                Ok(result) => (result, PagingStateResponse::NoMorePages),
                // The table is made, and nodes of another version never agree: who needs it waits for it.
                Err(ExecutionError::SchemaAgreementError(_)) => return Ok(Outcome::Done { rows: None, host: [0; 16] }),
                Err(error) => return Err(Failure::from(&error)),
            }
        };
        let host = *result.request_coordinator().node().host_id.as_bytes();
        Ok(Outcome::Done { rows: rows_of(result, paging_state)?, host })
    });
}

fn rows_of(result: QueryResult, paging_state: PagingStateResponse) -> Result<Option<Box<Rows>>, Failure> {
    if !result.is_rows() {
        return Ok(None);
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::new(Status::Internal, format!("the answer cannot be understood: {error}"))
    };
    let result = result.into_rows_result().map_err(|error| unreadable(&error))?;
    let columns = result.column_specs().len();
    let rows = result.rows_num();
    let mut cells = Vec::with_capacity(rows * columns);
    for row in result.rows::<ColumnIterator>().map_err(|error| unreadable(&error))? {
        for column in row.map_err(|error| unreadable(&error))? {
            let column = column.map_err(|error| unreadable(&error))?;
            cells.push(match column.slice {
                Some(slice) => RfBytes { data: slice.as_slice().as_ptr(), size: slice.as_slice().len() },
                None => RfBytes { data: std::ptr::null(), size: 0 },
            });
        }
    }
    let paging_state = match paging_state {
        PagingStateResponse::HasMorePages { state } => state.as_bytes_slice().map(|bytes| bytes.to_vec()),
        PagingStateResponse::NoMorePages => None,
    };
    Ok(Some(Box::new(Rows { cells, rows, columns, paging_state, result })))
}

fn uuid_of(id: [u8; 16]) -> uuid::Uuid {
    uuid::Uuid::from_bytes(id)
}

/// Nodes that have the partition, those of the local data centre first.
pub fn replicas(session: &Session, statement: &Statement, values: &Values) -> Vec<Arc<Node>> {
    match statement.prepared.calculate_token(values) {
        Ok(Some(token)) => token_replicas(session, statement, token),
        _ => Vec::new(),
    }
}

/// The same for a token of the statement's table.
pub fn token_replicas(session: &Session, statement: &Statement, token: Token) -> Vec<Arc<Node>> {
    let Some(table) = statement.prepared.get_table_spec() else {
        return Vec::new();
    };
    let state: Arc<ClusterState> = session.driver.get_cluster_state();
    // Of a keyspace that it does not know the driver would name one node.
    if state.get_keyspace(table.ks_name()).is_none() {
        return Vec::new();
    }
    let mut nodes: Vec<Arc<Node>> = state
        .get_token_endpoints(table.ks_name(), table.table_name(), token)
        .into_iter()
        .map(|(node, _)| node)
        .collect();
    nodes.sort_by_key(|node| !session.is_local(node));
    nodes
}
