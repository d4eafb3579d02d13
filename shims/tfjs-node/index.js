// danfojs-node only needs tensors, not the native binding, so it shares the one copy of tfjs in the tree.
module.exports = require("@tensorflow/tfjs");
