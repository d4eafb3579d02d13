/** What cells find without an import. */

/**
 * Asks the person at the notebook for a line of text and waits for it.
 *
 * @param message what is asked
 * @param standard the answer to an empty line; shown with the message
 * @throws {Error} where the front end takes no input (`npm start`, nbclient, papermill), or when the cell is interrupted
 */
declare function prompt(message?: string, standard?: string): string;
