/** Bytes of one piece of an image that is sent to the manager: a request has to come whole within 30 s. */
export const uploadPieceBytes = 8 * 1024 * 1024;
