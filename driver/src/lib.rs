//! The Cassandra driver as C functions (include/ringfeed_driver.h). The files: `abi` has the functions and types of the
//! header, `queue` the completions on their way, `connect`, `tls` and `execute` what is done with the driver, `failure`
//! what its errors mean to the caller, `memory` where frames are.

mod abi;
mod connect;
mod execute;
mod failure;
mod memory;
mod queue;
mod tls;

#[global_allocator]
static MEMORY: memory::FrameMemory = memory::FrameMemory::new();
