// What a split puts into each part: a line, a table, JSON.
#include "data.h"
#include "output.h"
#include "quote.h"

static const char *const part_keys[] = {"train", "validation", "test"};
static const char *const part_names[] = {"training", "validation", "test"};

// --- JSON -------------------------------------------------------------------------------------------------------

static json_t *counts_json(const convo_class_parts *c) {
    json_t *json = json_object();
    for (int p = 0; p < 3; p++)
        json_object_set_new(json, part_keys[p],
                            json_pack("{s:I, s:I}", "examples", (json_int_t)c->part[p].examples, "groups",
                                      (json_int_t)c->part[p].groups));
    return json;
}

// null: there are no classes.
static json_t *class_name_json(const convo_parts *p, int k) {
    return k < p->class_count ? json_text(p->classes[k].name) : json_null();
}

json_t *parts_json(const convo_parts *p) {
    json_t *classes = json_array();
    for (int k = 0; k < p->class_count; k++) {
        json_t *json = counts_json(&p->classes[k]);
        json_object_set_new(json, "name", json_text(p->classes[k].name));
        json_array_append_new(classes, json);
    }
    return json_pack("{s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:s, s:f}", "all", counts_json(&p->all), "classes", classes,
                     "left_out", (json_int_t)p->left_out, "unlisted", (json_int_t)p->unlisted, "imbalance",
                     p->imbalance > 0 ? json_number(p->imbalance) : json_null(), "largest",
                     class_name_json(p, p->largest), "smallest", class_name_json(p, p->smallest), "majority_part",
                     part_keys[p->scored], "majority_accuracy", p->majority);
}

// --- for people --------------------------------------------------------------------------------------------------

static void put_count(FILE *out, const convo_part_count *count, const char *groups) {
    say(out, "%lld", (long long)count->examples);
    if (count->groups) say(out, " (%lld%s%s)", (long long)count->groups, *groups ? " " : "", groups);
}

void print_parts_line(FILE *out, const convo_parts *p) {
    const char *comma = "";
    for (int part = 0; part < 3; part++) {
        if (!p->all.part[part].examples) continue;
        say(out, "%s%s ", comma, part_names[part]);
        put_count(out, &p->all.part[part], p->all.part[part].groups == 1 ? "group" : "groups");
        comma = ", ";
    }
    if (p->left_out) say(out, ", left out %lld", (long long)p->left_out);
    if (p->unlisted) say(out, ", listed and not there %lld", (long long)p->unlisted);
    fputc('\n', out);
}

void print_imbalance(FILE *out, const convo_parts *p) {
    if (p->class_count < 2) return;
    int first = 0; // part that is not empty
    while (first < 2 && !p->all.part[first].examples) first++;
    const convo_class_parts *most = &p->classes[p->largest], *least = &p->classes[p->smallest];
    if (p->imbalance > 0 && most->part[first].examples == least->part[first].examples)
        say(out, "imbalance   1.00: %lld of each class", (long long)most->part[first].examples);
    else if (p->imbalance > 0)
        say(out, "imbalance   %.2f: %lld of %s, %lld of %s", p->imbalance, (long long)most->part[first].examples,
            most->name, (long long)least->part[first].examples, least->name);
    else
        say(out, "imbalance   no example of %s", least->name);
    say(out, "; always answering %s scores %.4f\n", most->name, p->majority);
}

int print_parts_table(FILE *out, const convo_parts *p) {
    enum { LONGEST = 100 };
    cli_table table = {0};
    char align[8] = "l";
    int columns = 1;
    table_cell(&table, "class");
    for (int part = 0; part < 3; part++)
        if (p->all.part[part].examples) {
            table_cell(&table, "%s", part_names[part]);
            align[columns++] = 'r';
        }
    for (int k = 0; k < p->class_count && k < LONGEST; k++) {
        table_cell(&table, "%s", p->classes[k].name);
        for (int part = 0; part < 3; part++) {
            const convo_part_count *count = &p->classes[k].part[part];
            if (!p->all.part[part].examples) continue;
            if (count->groups)
                table_cell(&table, "%lld (%lld)", (long long)count->examples, (long long)count->groups);
            else
                table_cell(&table, "%lld", (long long)count->examples);
        }
    }
    const int status = table_print(&table, align, out);
    if (p->class_count > LONGEST) say(out, "and %d classes more (--json has all)\n", p->class_count - LONGEST);
    return status;
}
