#include "base/option.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// --- numbers ----------------------------------------------------------------------------------------------------

// A program that uses the library may have chosen a locale that writes 0,5: recipes always say 0.5.
typedef struct plain_locale {
    locale_t plain, before;
} plain_locale;

static plain_locale plain_begin(void) {
    plain_locale locale = {.plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    locale.before = uselocale(locale.plain);
    return locale;
}

static void plain_end(plain_locale locale) {
    uselocale(locale.before);
    if (locale.plain) freelocale(locale.plain);
}

static bool read_integer(const char *text, size_t length, int64_t *value) {
    char digits[32];
    if (length == 0 || length >= sizeof digits) return false;
    memcpy(digits, text, length);
    digits[length] = 0;
    if (strspn(digits, "+-0123456789") != length) return false; // no spaces, no 0x
    char *end;
    errno = 0;
    long long number = strtoll(digits, &end, 10);
    *value = number;
    return *end == 0 && end != digits && errno == 0;
}

// A number or a fraction of two.
static bool read_real(const char *text, double *value) {
    if (strspn(text, "+-.0123456789eE/") != strlen(text)) return false; // no nan, inf, 0x, spaces
    plain_locale locale = plain_begin();
    char *end, *last;
    *value = strtod(text, &end);
    bool read = end != text;
    if (read && *end == '/') {
        double below = strtod(end + 1, &last);
        read = last != end + 1;
        *value /= below;
        end = last;
    }
    plain_end(locale);
    return read && *end == 0 && isfinite(*value);
}

// The shortest text that reads back as the same number.
static void write_real(double value, char *text, size_t size) {
    plain_locale locale = plain_begin();
    const bool whole = fabs(value) < 1e9 && value == trunc(value); // 1000, not 1e+03
    for (int digits = whole ? 9 : 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    plain_end(locale);
}

static void write_span(const double span[2], char *text, size_t size) {
    char low[32], high[32];
    write_real(span[0], low, sizeof low);
    write_real(span[1], high, sizeof high);
    cv_print(text, size, span[0] == span[1] ? "%s" : "[%s, %s]", low, high);
}

static bool in_range(const cv_option *option, double value) {
    return (option->min == 0 && option->max == 0) || (value >= option->min && value <= option->max);
}

// --- reading ----------------------------------------------------------------------------------------------------

static void *field_of(const cv_option *option, void *block) {
    return (char *)block + option->offset;
}

static const char *word_at(const char *words, int k, size_t *length) {
    while (k-- > 0) {
        words += strcspn(words, "|");
        if (!*words++) return NULL;
    }
    *length = strcspn(words, "|");
    return words;
}

static bool set_word(const cv_option *option, int *field, const char *text) {
    size_t length;
    const char *word;
    for (int k = 0; (word = word_at(option->words, k, &length)); k++)
        if (strlen(text) == length && memcmp(text, word, length) == 0) {
            *field = k;
            return true;
        }
    return false;
}

enum { ITEM_SIZE = 64, SIDES = 4 }; // of one number of a pair, as written; numbers of a CV_SIDES

static bool set_integer(const cv_option *option, int64_t *field, const char *text, size_t length) {
    int64_t value;
    if (!read_integer(text, length, &value) || !in_range(option, (double)value)) return false;
    *field = value;
    return true;
}

// The items of "[3, 5]"; "3" is one item. Returns their number, 0 if it is neither or there are more than `most`.
static int split_items(const char *text, char item[][ITEM_SIZE], int most) {
    const bool list = text[0] == '[';
    for (int count = 0; count < most; text++) {
        text += list && !count;
        text += list ? strspn(text, " ") : 0;
        const size_t length = list ? strcspn(text, " ,]") : strlen(text);
        if (length >= ITEM_SIZE) return 0;
        snprintf(item[count++], ITEM_SIZE, "%.*s", (int)length, text);
        if (!list) return count;
        text += length + strspn(text + length, " ");
        if (*text == ']') return text[1] ? 0 : count;
        if (*text != ',') return 0;
    }
    return 0;
}

// Whole numbers: as many as there are items; 0: one of them is none.
static int set_integers(const cv_option *option, int64_t *field, int most, const char *text) {
    char item[SIDES][ITEM_SIZE];
    const int count = split_items(text, item, most);
    for (int k = 0; k < count; k++)
        if (!set_integer(option, &field[k], item[k], strlen(item[k]))) return 0;
    return count;
}

static bool set_pair(const cv_option *option, int64_t field[2], const char *text) {
    int64_t pair[2];
    const int count = set_integers(option, pair, 2, text);
    if (!count || (count == 1 && *text == '[')) return false;
    field[0] = pair[0];
    field[1] = pair[count - 1];
    return true;
}

// A word stands for -1, -2, ... in every place.
static bool set_special(const cv_option *option, int64_t *field, int count, const char *text) {
    int word;
    if (!option->words || !set_word(option, &word, text)) return false;
    for (int k = 0; k < count; k++) field[k] = -1 - word;
    return true;
}

// Rows and columns, or top, bottom, left and right; kept as rows and columns before, rows and columns behind.
static bool set_sides(const cv_option *option, int64_t field[SIDES], const char *text) {
    int64_t n[SIDES];
    const int count = set_integers(option, n, SIDES, text);
    if (count != 1 && count != 2 && count != SIDES) return false;
    const bool each = count == SIDES;
    field[0] = n[0];
    field[1] = n[count / 2];
    field[2] = n[each];
    field[3] = n[count - 1];
    return true;
}

// One number, or left and right.
static bool set_ends(const cv_option *option, int64_t field[SIDES], const char *text) {
    int64_t n[2];
    const int count = set_integers(option, n, 2, text);
    if (!count) return false;
    field[0] = field[2] = (int64_t)option->unit;
    field[1] = n[0];
    field[3] = n[count - 1];
    return true;
}

static bool set_length(const cv_option *option, int64_t field[2], const char *text) {
    if (!set_integer(option, &field[1], text, strlen(text))) return false;
    field[0] = (int64_t)option->unit;
    return true;
}

static bool set_real(const cv_option *option, double *field, const char *text) {
    double value;
    if (!read_real(text, &value) || !in_range(option, value)) return false;
    *field = value;
    return true;
}

static bool set_span(const cv_option *option, double field[2], const char *text) {
    char item[2][ITEM_SIZE];
    double span[2];
    const int count = split_items(text, item, 2);
    if (!count || (count == 1 && *text == '[') || !set_real(option, &span[0], item[0]) ||
        !set_real(option, &span[1], item[count - 1]) || span[0] > span[1])
        return false;
    memcpy(field, span, sizeof span);
    return true;
}

static bool set_bool(bool *field, const char *text) {
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) return false;
    *field = yes;
    return true;
}

static bool set_text(char field[CV_TEXT_SIZE], const char *text) {
    size_t length = strlen(text);
    if (length >= CV_TEXT_SIZE) return false;
    memcpy(field, text, length + 1);
    return true;
}

// Items on lines of their own, or words.
static bool set_list(char field[CV_LIST_SIZE], const char *text) {
    const char *const between = strchr(text, '\n') ? "\n" : " ,\t";
    char list[CV_LIST_SIZE] = "";
    size_t used = 0;
    for (text += strspn(text, between); *text; text += strspn(text, between)) {
        const size_t length = strcspn(text, between);
        if (length + 1 >= sizeof list - used) return false;
        memcpy(list + used, text, length);
        used += length;
        list[used++] = '\n';
        text += length;
    }
    memcpy(field, list, sizeof list);
    return true;
}

bool cv_list_next(const char **list, const char **item, size_t *length) {
    *item = *list;
    *length = strcspn(*list, "\n");
    if (**list) *list += *length + 1;
    return *length > 0;
}

static bool set_numbers(const cv_option *option, char field[CV_LIST_SIZE], const char *text) {
    const size_t length = strlen(text);
    const bool bracket = length > 1 && text[0] == '[' && text[length - 1] == ']';
    char list[CV_LIST_SIZE], number[ITEM_SIZE];
    const char *rest = list, *item;
    size_t used;
    double value;
    cv_print(list, sizeof list, "%.*s", (int)(bracket ? length - 2 : length), text + bracket);
    if (length >= sizeof list || !set_list(list, list) || !*list) return false;
    while (cv_list_next(&rest, &item, &used)) {
        cv_print(number, sizeof number, "%.*s", (int)used, item);
        if (used >= sizeof number || !set_real(option, &value, number)) return false;
    }
    memcpy(field, list, sizeof list);
    return true;
}

size_t cv_list_numbers(const char *list, double *out, size_t most) {
    size_t count = 0, length;
    for (const char *item; cv_list_next(&list, &item, &length); count++) {
        char number[ITEM_SIZE];
        cv_print(number, sizeof number, "%.*s", (int)length, item);
        if (count < most && !read_real(number, &out[count])) return 0; // it was read before
    }
    return count;
}

static bool set_field(const cv_option *option, void *field, const char *text) {
    switch (option->type) {
    case CV_INT: return set_special(option, field, 1, text) || set_integer(option, field, text, strlen(text));
    case CV_SIDES: return set_special(option, field, SIDES, text) || set_sides(option, field, text);
    case CV_ENDS: return set_special(option, field, SIDES, text) || set_ends(option, field, text);
    case CV_FLOAT: return set_real(option, field, text);
    case CV_BOOL: return set_bool(field, text);
    case CV_WORD: return set_word(option, field, text);
    case CV_TEXT: return set_text(field, text);
    case CV_LIST: return set_list(field, text);
    case CV_NUMBERS: return set_numbers(option, field, text);
    case CV_PAIR: return set_pair(option, field, text);
    case CV_SPAN: return set_span(option, field, text);
    case CV_LENGTH: return set_length(option, field, text);
    }
    return false;
}

// --- saying what is expected ------------------------------------------------------------------------------------

static void say_range(const cv_option *option, char *why, size_t size) {
    char least[32], most[32];
    if (option->min == 0 && option->max == 0) return;
    write_real(option->min, least, sizeof least);
    write_real(option->max, most, sizeof most);
    if (isinf(option->min))
        cv_append(why, size, " of at most %s", most);
    else if (isinf(option->max))
        cv_append(why, size, " of at least %s", least);
    else
        cv_append(why, size, " from %s to %s", least, most);
}

static void say_words(const cv_option *option, const char *first, const char *between, char *why, size_t size) {
    size_t length;
    const char *word;
    for (int k = 0; option->words && (word = word_at(option->words, k, &length)); k++)
        cv_append(why, size, "%s%.*s", k ? between : first, (int)length, word);
}

void cv_option_expects(const cv_option *option, char *why, size_t size) {
    if (size == 0) return;
    why[0] = 0;
    switch (option->type) {
    case CV_INT:
    case CV_LENGTH: cv_append(why, size, "a whole number"); break;
    case CV_FLOAT: cv_append(why, size, "a number"); break;
    case CV_BOOL: cv_append(why, size, "true or false"); break;
    case CV_WORD: say_words(option, "one of ", ", ", why, size); return;
    case CV_TEXT: cv_append(why, size, "a text of at most %d characters", CV_TEXT_SIZE - 1); break;
    case CV_LIST:
        cv_append(why, size, "a list such as [bed, hey mycroft], of at most %d characters", CV_LIST_SIZE - 1);
        break;
    case CV_NUMBERS: cv_append(why, size, "a number or a list of numbers"); break;
    case CV_PAIR: cv_append(why, size, "a whole number or a pair such as [3, 5]"); break;
    case CV_SIDES: cv_append(why, size, "a whole number, [rows, columns] or [top, bottom, left, right],"); break;
    case CV_ENDS: cv_append(why, size, "a whole number or [left, right],"); break;
    case CV_SPAN: cv_append(why, size, "a number, or a range such as [0.5, 2],"); break;
    }
    say_range(option, why, size);
    say_words(option, ", or ", " or ", why, size);
}

bool cv_option_set(const cv_option *option, void *block, const char *text, char *why, size_t why_size) {
    if (set_field(option, field_of(option, block), text)) return true;
    cv_option_expects(option, why, why_size);
    if (option->type != CV_LIST) cv_append(why, why_size, ", not '%.40s'", text);
    return false;
}

// --- defaults, writing, finding ---------------------------------------------------------------------------------

void cv_options_default(const cv_option *schema, void *block) {
    for (const cv_option *option = schema; option && option->name; option++) {
        void *field = field_of(option, block);
        int64_t whole = option->type == CV_FLOAT ? 0 : (int64_t)option->fallback;
        switch (option->type) {
        case CV_INT: *(int64_t *)field = whole; break;
        case CV_FLOAT: *(double *)field = option->fallback; break;
        case CV_BOOL: *(bool *)field = option->fallback != 0; break;
        case CV_WORD: *(int *)field = (int)whole; break;
        case CV_TEXT: snprintf(field, CV_TEXT_SIZE, "%s", option->text ? option->text : ""); break;
        case CV_LIST:
        case CV_NUMBERS: snprintf(field, CV_LIST_SIZE, "%s", option->text ? option->text : ""); break;
        case CV_PAIR: memcpy(field, (int64_t[2]){whole, whole}, sizeof(int64_t[2])); break;
        case CV_SIDES: memcpy(field, (int64_t[SIDES]){whole, whole, whole, whole}, sizeof(int64_t[SIDES])); break;
        case CV_ENDS: memcpy(field, (int64_t[SIDES]){0, whole, 0, whole}, sizeof(int64_t[SIDES])); break;
        case CV_SPAN:
            if (!option->text || !set_span(option, field, option->text))
                memcpy(field, (double[2]){option->fallback, option->fallback}, sizeof(double[2]));
            break;
        case CV_LENGTH: memcpy(field, (int64_t[2]){(int64_t)option->unit, whole}, sizeof(int64_t[2])); break;
        }
    }
}

static void write_numbers(const char *list, char *text, size_t size) {
    const size_t count = cv_list_numbers(list, NULL, 0);
    const char *item;
    size_t length;
    cv_print(text, size, count > 1 ? "[" : "");
    for (size_t k = 0; cv_list_next(&list, &item, &length); k++)
        cv_append(text, size, "%s%.*s", k ? ", " : "", (int)length, item);
    if (count > 1) cv_append(text, size, "]");
}

static void write_pair(int64_t first, int64_t second, char *text, size_t size) {
    if (first == second)
        snprintf(text, size, "%" PRId64, first);
    else
        snprintf(text, size, "[%" PRId64 ", %" PRId64 "]", first, second);
}

void cv_option_get(const cv_option *option, const void *block, char *text, size_t size) {
    const void *field = (const char *)block + option->offset;
    const int64_t *whole = field;
    size_t length = 0;
    const char *word;
    const bool counts = option->type == CV_INT || option->type == CV_SIDES || option->type == CV_ENDS;
    if (counts && option->words && whole[0] < 0) {
        word = word_at(option->words, (int)(-1 - whole[0]), &length);
        snprintf(text, size, "%.*s", (int)length, word ? word : "");
        return;
    }
    switch (option->type) {
    case CV_INT: snprintf(text, size, "%" PRId64, whole[0]); break;
    case CV_FLOAT: write_real(*(const double *)field, text, size); break;
    case CV_BOOL: snprintf(text, size, "%s", *(const bool *)field ? "true" : "false"); break;
    case CV_WORD:
        word = word_at(option->words, *(const int *)field, &length);
        snprintf(text, size, "%.*s", (int)length, word ? word : "");
        break;
    case CV_TEXT:
    case CV_LIST: snprintf(text, size, "%s", (const char *)field); break;
    case CV_NUMBERS: write_numbers(field, text, size); break;
    case CV_PAIR: write_pair(whole[0], whole[1], text, size); break;
    case CV_SIDES:
        if (whole[0] == whole[2] && whole[1] == whole[3])
            write_pair(whole[0], whole[1], text, size);
        else
            snprintf(text, size, "[%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "]", whole[0], whole[2], whole[1],
                     whole[3]);
        break;
    case CV_ENDS: write_pair(whole[1], whole[3], text, size); break;
    case CV_SPAN: write_span(field, text, size); break;
    case CV_LENGTH: snprintf(text, size, "%" PRId64, whole[1]); break;
    }
}

const cv_option *cv_option_find(const cv_option *schema, const char *name) {
    for (const cv_option *option = schema; option && option->name; option++)
        if (strcmp(option->name, name) == 0) return option;
    return NULL;
}
