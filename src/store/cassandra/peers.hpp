// Nodes that the cluster has and a session does not know.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cql/session.hpp"

namespace ringfeed::cassandra {

/// Addresses of the nodes that the connected ones have in system.peers and the driver passes over,
/// as their rows lack what a client needs: their replicas are neither read nor looked at. Empty
/// where the tables cannot be read.
std::vector<std::string> unknown_peers(const cql::Session& session);

/// What to do about one of them.
std::string remedy_of_peer(const std::string& address);

/// A line to warn with for each of them, when all copies were to be looked at.
std::vector<std::string> unverified_peers(const cql::Session& session, std::string_view where);

}  // namespace ringfeed::cassandra
