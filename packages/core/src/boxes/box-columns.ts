/** Columns of the table of boxes that predictions may have beside them: x, y, w, h, objectness. */
export const BOX_COLUMNS = 5;
