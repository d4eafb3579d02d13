export { type RedisAddress, redisAddress, shownAddress } from "./address";
export { loadBullMq, QUEUE } from "./bullmq";
export { type QueueOptions, redisQueue } from "./send";
export { type WorkerOptions, workOnQueue } from "./worker";
