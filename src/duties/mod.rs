//! What passed the router for which validator.
