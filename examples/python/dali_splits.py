"""Splits of cassandra-dali-plugin as a column of the table: what `attach --split-column` reads.

    python dali_splits.py cassandra_split_file.pckl 127.0.0.1 [train,val,...]

A split file is a pickle, and loading one runs whatever code is in it: Ringfeed never does, and this program is for files that you made
yourself. The data table gets a column `split` of text; rows that are in no split of the file keep a null there. The role comes from
RINGFEED_USER and RINGFEED_PASSWORD; it needs ALTER and MODIFY on the table. Needs cassandra-driver.
"""

from __future__ import annotations

import os
import pickle
import sys

from cassandra.auth import PlainTextAuthProvider
from cassandra.cluster import Cluster
from cassandra.concurrent import execute_concurrent_with_args

path, host = sys.argv[1:3]
names = (sys.argv[3] if len(sys.argv) > 3 else "train,val").split(",")
with open(path, "rb") as file:
    found = pickle.load(file)
if len(found["split"]) != len(names):
    sys.exit(f"{path} has {len(found['split'])} splits and there are {len(names)} names: {', '.join(names)}")

table, key, rows = found["data_table"], found["data_id_col"], found["row_keys"]
user = os.environ.get("RINGFEED_USER")
login = PlainTextAuthProvider(user, os.environ["RINGFEED_PASSWORD"]) if user else None
with Cluster([host], auth_provider=login) as cluster:
    session = cluster.connect()
    keyspace, name = table.split(".")
    if "split" not in cluster.metadata.keyspaces[keyspace].tables[name].columns:
        session.execute(f"ALTER TABLE {table} ADD split text")
    update = session.prepare(f"UPDATE {table} SET split = ? WHERE {key} = ?")
    for split, members in zip(names, found["split"], strict=True):
        execute_concurrent_with_args(session, update, [(split, rows[number]) for number in members])
        print(f"{split}: {len(members)} rows")
