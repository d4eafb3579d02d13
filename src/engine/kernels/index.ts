import "./elementwise";
import "./indexing";
import "./matmul";
import "./reductions";
import "./shapes";
