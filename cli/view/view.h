// convo view: runs that are followed while they are trained.
#pragma once

#include "paths.h"
#include "report/page.h"
#include "view/settings.h"

#include <pthread.h>
#include <sys/stat.h>

enum { MOST_VIEWED = 500, MOST_COLUMNS = 12 };

// When a file was what it was.
typedef struct view_stamp {
    ino_t inode; // 0: there is none
    off_t size;
    struct timespec written;
} view_stamp;

typedef enum run_state { RUN_STOPPED, RUN_TRAINING, RUN_FINISHED } run_state;
typedef enum score_state { SCORES_NONE, SCORES_WANTED, SCORES_DONE, SCORES_FAILED } score_state;

typedef struct view_run {
    char *folder; // as it was named
    bool named;   // by the user, who may name it through a symbolic link
    page page;
    view_settings settings;
    run_state state;
    int planned;        // epochs
    char problem[1100]; // why the recipe cannot be read; ""
    view_stamp recipe, result, model;
    score_state scores;
    view_stamp scored;           // the model that was evaluated
    struct timespec scored_at;   // when that was done
    score_state listens;         // of the page on which the model listens (cli/web/web.h), made for ...
    view_stamp listening;        // ... this model
    char *web;                   // it; NULL: there is none
    char why_not[1100];          // SCORES_FAILED
    uint64_t changed, evaluated; // versions of the view
} view_run;

typedef struct view {
    const cli_context *context;
    pthread_mutex_t lock; // of all that follows
    view_run *run[MOST_VIEWED];
    size_t runs;
    char *const *word; // folders of runs, and runs; NULL-terminated
    size_t left_out;   // runs beyond the limit
    size_t looked_at;  // folders, in this search
    uint64_t version;  // counts changes
    const char *sort;  // by what the first page is sorted, if it is not told; NULL: as the runs were found
    const char *column[MOST_COLUMNS]; // settings that differ
    size_t columns, more_columns;
    convo_train_options how; // of evaluations
    bool working, stopping;  // on evaluations, in a thread; it shall end
} view;

// Looks for new runs in the folders, and reads what is new of each. Call it now and then.
void view_follow(view *v);
void view_free(view *v);
// A run, by its number; has its model evaluated if that has changed. NULL: there is no such run.
view_run *view_want_scores(view *v, size_t number);
view_run *view_want_web(view *v, size_t number); // the same for the page on which it listens
// What its state is, in words: "training, epoch 4 of 20, 0:12 left"; the epochs only if wanted.
typedef struct cli_state {
    char text[160];
} cli_state;
cli_state state_of(const view_run *r, bool epochs);

// The page of a run; heavy: with confusions and mistakes. The overview: sorted by a column, "-test" downwards; NULL: as
// they were found. address: of the server's page, NULL for a page that stands for itself. Free them.
char *run_text(const view *v, size_t number, bool heavy);
char *overview_text(const view *v, const char *sort, bool served);
// The same as JSON.
json_t *overview_json(const view *v, const char *sort);
// Whether there is such a column; hint: its name is offered to, may be NULL.
bool is_column(const view *v, const char *sort, cli_hint *hint);

// Serves pages until *stop. address: numeric; port 0: any; port -1: the usual one, else any. Returns the exit status.
int view_serve(view *v, const char *address, int64_t port, const volatile int *stop);
