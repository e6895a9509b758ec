//! The functions and types of include/ringfeed_driver.h. Nothing unwinds out of them: what panics here is a bug, and
//! ends as "nothing" or as a completion (a promise that is dropped is one).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use scylla::cluster::Node;
use scylla::routing::Token;
use scylla::statement::{Consistency, SerialConsistency};

use crate::connect::{self, Session};
use crate::execute::{self, Options, Rows, Statement, Values};
use crate::failure::Status;
use crate::queue::{Outcome, Promise, Queue};
use crate::tls;

#[derive(Clone, Copy)]
#[repr(C)]
pub struct RfBytes {
    pub data: *const u8,
    pub size: usize,
}

const NO_BYTES: RfBytes = RfBytes { data: std::ptr::null(), size: 0 };

#[repr(C)]
pub struct RfCertificate {
    server: RfBytes,
    der: RfBytes,
}

#[repr(C)]
pub struct RfHost {
    id: [u8; 16],
    address: [u8; 64],
    connected: u8,
    allowed: u8,
    local: u8,
}

#[repr(C)]
pub struct RfCompletion {
    tag: u64,
    status: i32,
    outcome_known: u8,
    has_host: u8,
    host: [u8; 16],
    required: i32,
    alive: i32,
    message: RfBytes,
    session: *mut Session,
    statement: *mut Statement,
    rows: *mut Rows,
}

#[repr(C)]
pub struct RfConnectOptions {
    contact_points: *const RfBytes,
    contact_point_count: usize,
    keyspace: RfBytes,
    local_datacenter: RfBytes,
    user: RfBytes,
    password: RfBytes,
    tls: u8,
    tls_insecure: u8,
    tls_ca: RfBytes,
    tls_cert: RfBytes,
    tls_key: RfBytes,
    tls_server_names: *const RfBytes,
    tls_server_name_count: usize,
    connect_timeout_ms: u32,
    connections_per_host: u32,
    threads: u32,
    lz4: u8,
    contact_points_only: u8,
}

#[repr(C)]
pub struct RfExecuteOptions {
    consistency: u16,
    serial_consistency: u16,
    timeout_ms: u32,
    host: *const u8,
    page_size: i32,
    paging_state: RfBytes,
}

/// Runs a function of the interface; after a panic, which the driver's own hook has told of, the result is the default.
fn guarded<T: Default>(body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_default()
}

/// SAFETY: as the header says, `bytes` are valid during the call.
unsafe fn slice_of<'a>(bytes: RfBytes) -> Option<&'a [u8]> {
    (!bytes.data.is_null()).then(|| unsafe { std::slice::from_raw_parts(bytes.data, bytes.size) })
}

unsafe fn text_of(bytes: RfBytes) -> Option<String> {
    unsafe { slice_of(bytes) }.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

unsafe fn items_of<'a>(items: *const RfBytes, count: usize) -> &'a [RfBytes] {
    if count == 0 { &[] } else { unsafe { std::slice::from_raw_parts(items, count) } }
}

unsafe fn texts_of(items: *const RfBytes, count: usize) -> Vec<String> {
    unsafe { items_of(items, count).iter().filter_map(|item| text_of(*item)).collect() }
}

unsafe fn values_of(values: *const RfBytes, count: usize) -> Values {
    Values(unsafe { items_of(values, count).iter().map(|value| slice_of(*value).map(<[u8]>::to_vec)).collect() })
}

unsafe fn promise_of(queue: *mut RfQueue, tag: u64) -> Promise {
    Promise::new(unsafe { &(*queue).0 }, tag)
}

pub struct RfQueue(Arc<Queue>);

#[unsafe(no_mangle)]
pub extern "C" fn rf_queue_new() -> *mut RfQueue {
    Box::into_raw(Box::new(RfQueue(Arc::default())))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_queue_next(queue: *mut RfQueue, timeout_ms: u32, completion: *mut RfCompletion) -> i32 {
    guarded(|| {
        let Some(taken) = unsafe { &(*queue).0 }.next(Duration::from_millis(timeout_ms.into())) else {
            return 0;
        };
        let mut result = RfCompletion {
            tag: taken.tag,
            status: Status::Ok as i32,
            outcome_known: 1,
            has_host: 0,
            host: [0; 16],
            required: -1,
            alive: -1,
            message: NO_BYTES,
            session: std::ptr::null_mut(),
            statement: std::ptr::null_mut(),
            rows: std::ptr::null_mut(),
        };
        match taken.result {
            Ok(Outcome::Session(session)) => result.session = Box::into_raw(session),
            Ok(Outcome::Statement(statement)) => result.statement = Box::into_raw(statement),
            Ok(Outcome::Done { rows, host }) => {
                result.rows = rows.map_or(std::ptr::null_mut(), Box::into_raw);
                result.has_host = 1;
                result.host = host;
            }
            Err(failure) => {
                result.status = failure.status as i32;
                result.outcome_known = failure.outcome_known.into();
                result.required = failure.required;
                result.alive = failure.alive;
                let text = failure.message.into_bytes().into_boxed_slice();
                result.message = RfBytes { size: text.len(), data: Box::into_raw(text) as *const u8 };
            }
        }
        unsafe { completion.write(result) };
        1
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_queue_close(queue: *mut RfQueue) {
    guarded(|| unsafe { &(*queue).0 }.close());
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_queue_free(queue: *mut RfQueue) {
    guarded(|| drop(unsafe { Box::from_raw(queue) }));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_completion_clear(completion: *mut RfCompletion) {
    guarded(|| {
        let completion = unsafe { &mut *completion };
        if !completion.message.data.is_null() {
            let text = std::ptr::slice_from_raw_parts_mut(completion.message.data.cast_mut(), completion.message.size);
            drop(unsafe { Box::from_raw(text) });
            completion.message = NO_BYTES;
        }
        unsafe {
            rf_session_free(std::mem::replace(&mut completion.session, std::ptr::null_mut()));
            rf_statement_free(std::mem::replace(&mut completion.statement, std::ptr::null_mut()));
            rf_rows_free(std::mem::replace(&mut completion.rows, std::ptr::null_mut()));
        }
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_connect(queue: *mut RfQueue, tag: u64, options: *const RfConnectOptions) {
    guarded(|| unsafe {
        let promise = promise_of(queue, tag);
        let options = &*options;
        let tls = (options.tls != 0).then(|| tls::Settings {
            insecure: options.tls_insecure != 0,
            ca: text_of(options.tls_ca),
            cert: text_of(options.tls_cert),
            key: text_of(options.tls_key),
            server_names: texts_of(options.tls_server_names, options.tls_server_name_count),
            seen: Default::default(),
        });
        let settings = connect::Settings {
            contact_points: texts_of(options.contact_points, options.contact_point_count),
            keyspace: text_of(options.keyspace),
            local_datacenter: text_of(options.local_datacenter),
            login: text_of(options.user).map(|user| (user, text_of(options.password).unwrap_or_default())),
            tls,
            connect_timeout: Duration::from_millis(options.connect_timeout_ms.into()),
            connections_per_host: options.connections_per_host as usize,
            threads: options.threads as usize,
            lz4: options.lz4 != 0,
            contact_points_only: options.contact_points_only != 0,
        };
        connect::connect(settings, promise);
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_session_free(session: *mut Session) {
    if !session.is_null() {
        guarded(|| drop(unsafe { Box::from_raw(session) }));
    }
}

/// SAFETY: `hosts` has room for `max`.
unsafe fn write_hosts(session: &Session, nodes: &[Arc<Node>], hosts: *mut RfHost, max: usize) -> usize {
    for (i, node) in nodes.iter().take(max).enumerate() {
        let mut host = RfHost {
            id: *node.host_id.as_bytes(),
            address: [0; 64],
            connected: node.is_connected().into(),
            allowed: node.is_enabled().into(),
            local: session.is_local(node).into(),
        };
        let text = session.address_of(node).to_string();
        let length = text.len().min(host.address.len() - 1);
        host.address[..length].copy_from_slice(&text.as_bytes()[..length]);
        unsafe { hosts.add(i).write(host) };
    }
    nodes.len()
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_session_hosts(session: *const Session, hosts: *mut RfHost, max: usize) -> usize {
    guarded(|| unsafe {
        let session = &*session;
        write_hosts(session, session.driver.get_cluster_state().get_nodes_info(), hosts, max)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_session_certificates(
    session: *const Session,
    certificates: *mut RfCertificate,
    max: usize,
) -> usize {
    guarded(|| unsafe {
        let all = (*session).certificates.all();
        for (i, one) in all.iter().take(max).enumerate() {
            // The session keeps them.
            let server = RfBytes { data: one.server.as_ptr(), size: one.server.len() };
            certificates.add(i).write(RfCertificate { server, der: RfBytes { data: one.der.as_ptr(), size: one.der.len() } });
        }
        all.len()
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_prepare(
    session: *const Session,
    queue: *mut RfQueue,
    tag: u64,
    cql: RfBytes,
    timeout_ms: u32,
) {
    guarded(|| unsafe {
        let promise = promise_of(queue, tag);
        let text = text_of(cql).unwrap_or_default();
        execute::prepare(&*session, promise, text, Duration::from_millis(timeout_ms.into()));
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_statement_free(statement: *mut Statement) {
    if !statement.is_null() {
        guarded(|| drop(unsafe { Box::from_raw(statement) }));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_statement_replicas(
    session: *const Session,
    statement: *const Statement,
    values: *const RfBytes,
    count: usize,
    hosts: *mut RfHost,
    max: usize,
) -> usize {
    guarded(|| unsafe {
        let session = &*session;
        let nodes = execute::replicas(session, &*statement, &values_of(values, count));
        write_hosts(session, &nodes, hosts, max)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_token_replicas(
    session: *const Session,
    statement: *const Statement,
    token: i64,
    hosts: *mut RfHost,
    max: usize,
) -> usize {
    guarded(|| unsafe {
        let session = &*session;
        let nodes = execute::token_replicas(session, &*statement, Token::new(token));
        write_hosts(session, &nodes, hosts, max)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_execute(
    session: *const Session,
    statement: *const Statement,
    queue: *mut RfQueue,
    tag: u64,
    values: *const RfBytes,
    count: usize,
    options: *const RfExecuteOptions,
) {
    guarded(|| unsafe {
        let promise = promise_of(queue, tag);
        let options = &*options;
        let host = (!options.host.is_null()).then(|| *options.host.cast::<[u8; 16]>());
        let options = Options {
            consistency: Consistency::try_from(options.consistency).unwrap_or(Consistency::LocalQuorum),
            serial_consistency: SerialConsistency::try_from(i16::try_from(options.serial_consistency).unwrap_or(0))
                .ok(),
            timeout: Duration::from_millis(options.timeout_ms.into()),
            host,
            page_size: options.page_size,
            paging_state: slice_of(options.paging_state).map(<[u8]>::to_vec),
        };
        execute::execute(&*session, promise, &*statement, values_of(values, count), options);
    });
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_count(rows: *const Rows) -> usize {
    unsafe { (*rows).rows }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_columns(rows: *const Rows) -> usize {
    unsafe { (*rows).columns }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_cells(rows: *const Rows) -> *const RfBytes {
    unsafe { (*rows).cells.as_ptr() }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_bytes(rows: *const Rows) -> usize {
    unsafe { (*rows).result.rows_bytes_size() + size_of_val((*rows).cells.as_slice()) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_paging_state(rows: *const Rows) -> RfBytes {
    match unsafe { &(*rows).paging_state } {
        Some(bytes) => RfBytes { data: bytes.as_ptr(), size: bytes.len() },
        None => NO_BYTES,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_column_name(rows: *const Rows, column: usize) -> RfBytes {
    let specs = unsafe { (*rows).result.column_specs() };
    match specs.get_by_index(column) {
        Some(spec) => RfBytes { data: spec.name().as_ptr(), size: spec.name().len() },
        None => NO_BYTES,
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_rows_free(rows: *mut Rows) {
    if !rows.is_null() {
        guarded(|| drop(unsafe { Box::from_raw(rows) }));
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn rf_session_panic(session: *const Session, queue: *mut RfQueue, tag: u64) {
    guarded(|| unsafe {
        execute::spawn(&*session, promise_of(queue, tag), async { panic!("a panic that a test asked for") });
    });
}
