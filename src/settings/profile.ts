/** The profiles: `quick` on the embedded data in minutes, `full` on all of it. */
export const profiles = ["quick", "full"] as const;
export type Profile = (typeof profiles)[number];
