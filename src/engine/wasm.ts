import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";

/** The kernels that training needs and TensorFlow.js' wasm backend lacks, by those that it has. */
if (!tf.getKernel("UnsortedSegmentSum", "wasm")) {
  tf.registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs, backend }) => {
      const borrow = (info: tf.TensorInfo) => {
        (backend as tf.KernelBackend).incRef(info.dataId);
        return tf.engine().makeTensorFromTensorInfo(info);
      };
      const [x, ids] = [borrow(inputs.x as tf.TensorInfo), borrow(inputs.segmentIds as tf.TensorInfo)];
      const shape = [attrs!.numSegments as number, ...x.shape.slice(ids.rank)];
      return tf.scatterND(tf.expandDims(ids, -1), x, shape);
    },
  });
}
