//! What the driver's errors mean to the caller: a status, whether the outcome is known, and the words.

use std::error::Error;

use scylla::errors::{
    ConnectionError, ConnectionPoolError, ConnectionSetupRequestErrorKind, DbError, ExecutionError, MetadataError,
    NewSessionError, PrepareError, RequestAttemptError,
};

/// RfStatus of the header.
#[derive(Clone, Copy, PartialEq)]
#[repr(i32)]
pub enum Status {
    Ok = 0,
    Invalid = 1,
    Exists = 2,
    Login = 3,
    Unauthorized = 4,
    Tls = 5,
    Unavailable = 6,
    Overloaded = 7,
    Timeout = 8,
    NoConnection = 9,
    Failed = 10,
    Closed = 11,
    Internal = 12,
    UnknownTable = 13,
}

pub struct Failure {
    pub status: Status,
    pub message: String,
    pub outcome_known: bool,
    pub required: i32,
    pub alive: i32,
}

impl Failure {
    pub fn new(status: Status, message: String) -> Self {
        Self { status, message, outcome_known: true, required: -1, alive: -1 }
    }

    /// The driver knows neither nodes nor replication.
    pub fn of_metadata(error: &MetadataError) -> Self {
        match error {
            MetadataError::ConnectionPoolError(error) => of_pool(error),
            other => {
                let words = format!("the cluster's nodes and replication cannot be read: {}", innermost(other));
                Self::new(Status::NoConnection, words)
            }
        }
    }

    pub fn in_doubt(mut self) -> Self {
        self.outcome_known = false;
        self
    }

    fn replicas(mut self, required: i32, alive: i32) -> Self {
        self.required = required;
        self.alive = alive;
        self
    }
}

fn of_db(error: &DbError, text: &str) -> Failure {
    // Cassandra's own words name keyspace, table and column; the driver's say only the kind.
    let words = if text.is_empty() { error.to_string() } else { text.to_string() };
    match error {
        DbError::AlreadyExists { .. } => Failure::new(Status::Exists, words),
        // Cassandra reads passwords and permissions from its own tables, and says so when it could not.
        DbError::AuthenticationError | DbError::Unauthorized if words.contains("Unable to perform") => {
            Failure::new(Status::Timeout, words)
        }
        DbError::AuthenticationError => Failure::new(Status::Login, words),
        DbError::Unauthorized => Failure::new(Status::Unauthorized, words),
        DbError::Unavailable { required, alive, .. } => {
            Failure::new(Status::Unavailable, words).replicas(*required, *alive)
        }
        DbError::Overloaded | DbError::IsBootstrapping => Failure::new(Status::Overloaded, words),
        DbError::ReadTimeout { required, received, .. } => {
            Failure::new(Status::Timeout, words).replicas(*required, *received)
        }
        DbError::WriteTimeout { required, received, .. } => {
            Failure::new(Status::Timeout, words).replicas(*required, *received).in_doubt()
        }
        DbError::ReadFailure { required, received, .. } => {
            Failure::new(Status::Failed, words).replicas(*required, *received)
        }
        DbError::WriteFailure { required, received, .. } => {
            Failure::new(Status::Failed, words).replicas(*required, *received).in_doubt()
        }
        DbError::Invalid | DbError::ConfigError if is_about_unknown(&words) => Failure::new(Status::UnknownTable, words),
        DbError::SyntaxError | DbError::Invalid | DbError::ConfigError => Failure::new(Status::Invalid, words),
        DbError::ServerError | DbError::TruncateError => Failure::new(Status::Failed, words).in_doubt(),
        _ => Failure::new(Status::Internal, words).in_doubt(),
    }
}

/// Whether Cassandra's words are that it knows no such keyspace or table.
fn is_about_unknown(words: &str) -> bool {
    ["does not exist", "doesn't exist", "unconfigured table"].iter().any(|part| words.contains(part))
}

/// The innermost cause says what happened; those around it say only where in the driver.
fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

fn of_io(error: &std::io::Error) -> Failure {
    let mut inner: Option<&(dyn Error + 'static)> = error.get_ref().map(|inner| inner as &(dyn Error + 'static));
    while let Some(cause) = inner {
        if cause.is::<rustls::Error>() {
            return Failure::new(Status::Tls, cause.to_string());
        }
        inner = cause.source();
    }
    Failure::new(Status::NoConnection, innermost(error))
}

fn of_connection(error: &ConnectionError) -> Failure {
    match error {
        ConnectionError::IoError(error) => of_io(error),
        ConnectionError::ConnectTimeout => {
            Failure::new(Status::NoConnection, "it does not answer within the connect timeout".into())
        }
        ConnectionError::ConnectionSetupRequestError(error) => match error.get_error() {
            ConnectionSetupRequestErrorKind::DbError(error, text) => of_db(error, text),
            ConnectionSetupRequestErrorKind::MissingAuthentication => {
                Failure::new(Status::Login, "the server asks for a user and a password".into())
            }
            ConnectionSetupRequestErrorKind::StartAuthSessionError(error)
            | ConnectionSetupRequestErrorKind::AuthChallengeEvaluationError(error)
            | ConnectionSetupRequestErrorKind::AuthFinishError(error) => Failure::new(Status::Login, error.clone()),
            other => Failure::new(Status::NoConnection, innermost(other)),
        },
        other => Failure::new(Status::NoConnection, innermost(other)),
    }
}

fn of_pool(error: &ConnectionPoolError) -> Failure {
    match error {
        ConnectionPoolError::Broken { last_connection_error } => of_connection(last_connection_error),
        other => Failure::new(Status::NoConnection, other.to_string()),
    }
}

fn of_attempt(error: &RequestAttemptError) -> Failure {
    match error {
        RequestAttemptError::DbError(error, text) => of_db(error, text),
        RequestAttemptError::BrokenConnectionError(error) => {
            Failure::new(Status::NoConnection, innermost(error)).in_doubt()
        }
        RequestAttemptError::SerializationError(error) => Failure::new(Status::Invalid, innermost(error)),
        RequestAttemptError::UnableToAllocStreamId => {
            Failure::new(Status::Overloaded, "too many requests are under way on one connection".into())
        }
        other => Failure::new(Status::Internal, innermost(other)).in_doubt(),
    }
}

impl From<&PrepareError> for Failure {
    fn from(error: &PrepareError) -> Self {
        match error {
            PrepareError::ConnectionPoolError(error) => of_pool(error),
            PrepareError::AllAttemptsFailed { first_attempt } => of_attempt(first_attempt),
            other => Failure::new(Status::Internal, innermost(other)),
        }
    }
}

impl From<&ExecutionError> for Failure {
    fn from(error: &ExecutionError) -> Self {
        match error {
            ExecutionError::BadQuery(error) => Failure::new(Status::Invalid, innermost(error)),
            ExecutionError::EmptyPlan => {
                Failure::new(Status::NoConnection, "the node is not part of the cluster, or not connected".into())
            }
            ExecutionError::PrepareError(error) => error.into(),
            ExecutionError::ConnectionPoolError(error) => of_pool(error),
            ExecutionError::LastAttemptError(error) => of_attempt(error),
            ExecutionError::RequestTimeout(time) => {
                Failure::new(Status::Timeout, format!("no answer within {} ms", time.as_millis())).in_doubt()
            }
            other => Failure::new(Status::Failed, innermost(other)).in_doubt(),
        }
    }
}

impl From<&NewSessionError> for Failure {
    fn from(error: &NewSessionError) -> Self {
        match error {
            NewSessionError::FailedToResolveAnyHostname(names) => {
                Failure::new(Status::NoConnection, format!("no such host: {}", names.join(", ")))
            }
            NewSessionError::MetadataError(error) => Failure::of_metadata(error),
            NewSessionError::IllegalConfig(text) => Failure::new(Status::Invalid, text.to_string()),
            other => Failure::new(Status::NoConnection, innermost(other)),
        }
    }
}
