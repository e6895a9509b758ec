/* The Cassandra driver (the scylla Rust crate) as C functions. Every operation is asynchronous: it is given a queue and a
   tag, and ends as exactly one completion with that tag in that queue. No code of the caller runs on a thread of the
   driver. Values and cells are raw CQL bytes. Functions never throw and never unwind: a panic in the driver is a
   completion with RF_INTERNAL. All pointers are to be valid during the call only, unless said otherwise. */
#ifndef RINGFEED_DRIVER_H
#define RINGFEED_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct RfQueue RfQueue;
typedef struct RfSession RfSession;
typedef struct RfStatement RfStatement;
typedef struct RfRows RfRows;

typedef struct RfBytes {
  const uint8_t* data; /* null: no value (CQL null) */
  size_t size;
} RfBytes;

enum RfStatus {
  RF_OK = 0,
  RF_INVALID = 1,        /* the statement, or what it names: syntax, unknown column, wrong type */
  RF_EXISTS = 2,         /* keyspace or table exists already */
  RF_LOGIN = 3,          /* user or password wrong, or missing */
  RF_UNAUTHORIZED = 4,   /* the user may not do this */
  RF_TLS = 5,            /* certificate or handshake refused */
  RF_UNAVAILABLE = 6,    /* fewer live replicas than the consistency needs: see required, alive */
  RF_OVERLOADED = 7,     /* the server asks for less */
  RF_TIMEOUT = 8,        /* no answer in time, of replicas or of the node */
  RF_NO_CONNECTION = 9,  /* the node cannot be reached */
  RF_FAILED = 10,        /* replicas failed while they executed it */
  RF_CLOSED = 11,        /* the session was closed before the end */
  RF_INTERNAL = 12,      /* a bug, or an answer that cannot be understood */
  RF_UNKNOWN_TABLE = 13  /* the node knows no such keyspace or table */
};

typedef struct RfHost {
  uint8_t id[16];
  char address[64]; /* "127.0.0.1:9042", zero-terminated */
  uint8_t connected;
  uint8_t allowed; /* 0: it is no contact point, and only those are connected to */
  uint8_t local; /* in the local data centre; 1 when none is set */
} RfHost;

/* A certificate that a server has shown and that was accepted. */
typedef struct RfCertificate {
  RfBytes server; /* the name or address that was connected to, UTF-8 */
  RfBytes der;
} RfCertificate;

typedef struct RfCompletion {
  uint64_t tag;
  int32_t status; /* RfStatus */
  uint8_t outcome_known; /* 0: the failed operation may have taken effect */
  uint8_t has_host;
  uint8_t host[16]; /* of the coordinator that answered, when has_host */
  int32_t required; /* replicas, of RF_UNAVAILABLE, RF_TIMEOUT and RF_FAILED of the server; else -1 */
  int32_t alive;    /* or received */
  RfBytes message;  /* UTF-8; not null when status is not RF_OK */
  RfSession* session;     /* of rf_connect */
  RfStatement* statement; /* of rf_prepare */
  RfRows* rows;           /* of rf_execute; null when the statement has no rows */
} RfCompletion;

typedef struct RfConnectOptions {
  const RfBytes* contact_points; /* "host:port" */
  size_t contact_point_count;
  RfBytes keyspace; /* whose replication is to be known; null: none */
  RfBytes local_datacenter;
  RfBytes user; /* null: no authentication */
  RfBytes password;
  uint8_t tls;
  uint8_t tls_insecure;
  RfBytes tls_ca; /* paths of PEM files; null: the system's certificates */
  RfBytes tls_cert;
  RfBytes tls_key;
  const RfBytes* tls_server_names; /* accepted beside the node's IP address */
  size_t tls_server_name_count;
  uint32_t connect_timeout_ms;
  uint32_t connections_per_host;
  uint32_t threads;
  uint8_t lz4;
  uint8_t contact_points_only; /* connections go to these addresses alone, whatever the nodes call themselves */
} RfConnectOptions;

typedef struct RfExecuteOptions {
  uint16_t consistency;        /* as in the CQL protocol */
  uint16_t serial_consistency; /* 0: none */
  uint32_t timeout_ms;
  const uint8_t* host; /* 16 bytes: this coordinator and no other; null: the driver chooses a replica */
  int32_t page_size;   /* rows; 0: all in one page */
  RfBytes paging_state; /* null: the first page */
} RfExecuteOptions;

RfQueue* rf_queue_new(void);
/* Takes the oldest completion; waits up to timeout_ms for one. 0: there was none, or the queue is closed. What is in the
   completion is the caller's: rf_completion_clear. */
int rf_queue_next(RfQueue* queue, uint32_t timeout_ms, RfCompletion* completion);
/* Every rf_queue_next returns at once from now on when there is nothing in the queue. */
void rf_queue_close(RfQueue* queue);
void rf_queue_free(RfQueue* queue);
/* Frees message, session, statement and rows, as far as they are not null. */
void rf_completion_clear(RfCompletion* completion);

void rf_connect(RfQueue* queue, uint64_t tag, const RfConnectOptions* options);
/* Ends what is under way (as RF_CLOSED), closes the connections and waits for the session's threads. */
void rf_session_free(RfSession* session);
/* Writes up to `max` hosts of the cluster; returns how many there are. */
size_t rf_session_hosts(const RfSession* session, RfHost* hosts, size_t max);
/* Returns how many there are, none without TLS. Writes up to `max`; their bytes are valid until rf_session_free. */
size_t rf_session_certificates(const RfSession* session, RfCertificate* certificates, size_t max);

void rf_prepare(const RfSession* session, RfQueue* queue, uint64_t tag, RfBytes cql, uint32_t timeout_ms);
void rf_statement_free(RfStatement* statement);
/* Replicas of the partition that these values name, those in the local data centre first; returns how many there are
   (0: the statement names no partition, or the keyspace is not known). Writes up to `max`. */
size_t rf_statement_replicas(const RfSession* session, const RfStatement* statement, const RfBytes* values, size_t count,
                             RfHost* hosts, size_t max);
/* The same for the partitions of a token, in the statement's table. */
size_t rf_token_replicas(const RfSession* session, const RfStatement* statement, int64_t token, RfHost* hosts, size_t max);
void rf_execute(const RfSession* session, const RfStatement* statement, RfQueue* queue, uint64_t tag, const RfBytes* values,
                size_t count, const RfExecuteOptions* options);

size_t rf_rows_count(const RfRows* rows);
size_t rf_rows_columns(const RfRows* rows);
/* rows * columns cells, row by row, in the memory of the received frame; valid until rf_rows_free. */
const RfBytes* rf_rows_cells(const RfRows* rows);
/* Bytes that the answer holds in memory. */
size_t rf_rows_bytes(const RfRows* rows);
/* Null data: this was the last page. */
RfBytes rf_rows_paging_state(const RfRows* rows);
RfBytes rf_rows_column_name(const RfRows* rows, size_t column);
void rf_rows_free(RfRows* rows);

/* For the tests of what happens on a bug: panics on a thread of the session. */
void rf_session_panic(const RfSession* session, RfQueue* queue, uint64_t tag);

#ifdef __cplusplus
}
#endif

#endif
