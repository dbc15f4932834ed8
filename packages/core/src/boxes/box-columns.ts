/** Number of columns of the table of boxes that predictions may have: x, y, w, h, objectness. */
export const BOX_COLUMNS = 5;
