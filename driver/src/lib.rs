//! The Cassandra driver as C functions (include/ringfeed_driver.h). The files: `abi` has the functions and types of the
//! header, `queue` the completions on their way, `connect`, `tls` and `execute` what is done with the driver, `failure`
//! what its errors mean to the caller.

mod abi;
mod connect;
mod contact_points;
mod execute;
mod failure;
mod queue;
mod tls;
