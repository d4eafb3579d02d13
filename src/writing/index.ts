/** The persona writing room: a local page on which people chat as a persona, and leave records. */
export { modelPartner, type Partner, quietPartner } from "./partner";
export { type RunningRoom, startWritingRoom, type WritingRoomOptions } from "./server";
