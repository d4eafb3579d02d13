import * as tf from "@tensorflow/tfjs";
import "@tensorflow/tfjs-backend-wasm";

/** A kernel that training needs and TensorFlow.js' wasm backend lacks, by those that it has. */
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

/** OneHot of that backend writes its two values as whole numbers, into float32 tensors too: 1 becomes 1.4e-45, 0.9 becomes 0. */
const { kernelFunc: oneHot, ...oneHotKernel } = tf.getKernel("OneHot", "wasm");
tf.unregisterKernel("OneHot", "wasm");
tf.registerKernel({
  ...oneHotKernel,
  kernelFunc: ({ attrs, ...call }) => {
    const { dtype, onValue, offValue } = attrs as { dtype: tf.DataType; onValue: number; offValue: number };
    if (dtype !== "float32") return oneHot({ attrs, ...call });
    const ones = oneHot({
      attrs: { ...attrs, dtype: "int32", onValue: 1, offValue: 0 },
      ...call,
    }) as tf.TensorInfo;
    const hot = tf.cast(tf.engine().makeTensorFromTensorInfo(ones), "float32");
    return tf.add(tf.mul(hot, onValue - offValue), offValue);
  },
});
